/*
 * script.h: the first line of a script, which says what program runs it (execve(2), "Interpreter scripts").
 */
#ifndef EXOS_PROC_SCRIPT_H
#define EXOS_PROC_SCRIPT_H

#include "base/base.h"

#define SCRIPT_LINE_MAX 256         /* Linux' BINPRM_BUF_SIZE: what of a file is looked at */

/*
 * Cuts the first n bytes of a file (room for one more) into interpreter and at most one argument, NULL when there is none. 1: it is a
 * script; 0: it is not; -ENOEXEC: one without an interpreter, or with a name that was cut off.
 */
int script_parse(char *line, size_t n, char **interp, char **arg) MUST_USE;

#endif
