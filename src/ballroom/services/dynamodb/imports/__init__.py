"""New tables from files in S3."""
