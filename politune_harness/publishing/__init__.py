"""Adapters and results on the Hugging Face Hub: private, gated by hand, and never by accident."""
