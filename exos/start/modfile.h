/* modfile.h: a boot module as a readable file. */
#ifndef EXOS_START_MODFILE_H
#define EXOS_START_MODFILE_H

struct file;

/* A copy of the module in session memory, with one reference; NULL: there is none of that name, or no memory. */
struct file *modfile_open(const char *name);

#endif
