"""Container images as they come: OCI layouts and archives, and what `docker save` writes."""
