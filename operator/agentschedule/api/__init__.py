"""The resources: pydantic models, the single source of the CRDs."""
