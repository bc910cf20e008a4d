"""The API server: credentials, requests, lists and watches. The only package that speaks HTTP."""
