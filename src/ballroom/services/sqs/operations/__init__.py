"""The operations of SQS, one function each, grouped by what they work on."""
