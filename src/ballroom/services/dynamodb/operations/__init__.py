"""One function per operation of AWS's API."""
