/* The forms of names in a manifest and a layout (docs/formats.md sections 1 and 4), as in olos/manifest.py. */
#pragma once

#include <stdbool.h>

/* A file in a layout: relative, normal, of few characters, at most 47 bytes. */
bool is_layout_name(const char *name);

/* An absolute path in normal form. */
bool is_absolute(const char *path);

bool is_hostname(const char *name);

/* The name of an environment variable. */
bool is_variable(const char *name);

/* A port such as `80/tcp`. */
bool is_port(const char *port);
