"""Tables as files in S3: a copy as of a moment, written out in AWS's layout."""
