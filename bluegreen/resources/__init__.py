"""Pulumi's side: the component and the providers behind it."""
