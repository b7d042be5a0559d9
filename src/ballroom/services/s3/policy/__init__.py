"""Bucket policies: what S3 accepts, which are public, and the condition keys of its requests.

The evaluation itself is the kernel's (`ballroom.kernel.policy`).
"""
