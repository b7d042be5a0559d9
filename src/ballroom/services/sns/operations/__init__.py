"""SNS's operations, a function each."""
