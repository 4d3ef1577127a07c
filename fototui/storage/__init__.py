"""Where files are kept: S3 or a directory."""
