"""The OCI distribution API, and ECR."""
