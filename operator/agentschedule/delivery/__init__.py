"""Telling people: what is told (`notice`), how it reads (`messages`, `rendering`), how it gets there (`channels`)."""
