/* Finding a program as container engines do: by PATH of its own environment. */
#pragma once

/* Execute args[0] with that environment. Returns only on failure, with errno set: ENOENT if there is no such
   program. */
void search_execute(char *const *args, char *const *env);

/* The value of a variable, or NULL. */
const char *environment_value(char *const *env, const char *name);
