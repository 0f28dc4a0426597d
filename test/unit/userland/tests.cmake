set(sh_sources userland/sh/arith.c userland/sh/builtin.c userland/sh/builtin_io.c userland/sh/dollar.c userland/sh/exec.c
    userland/sh/expand.c userland/sh/func.c userland/sh/jobs.c userland/sh/launch.c userland/sh/lex.c userland/sh/mem.c
    userland/sh/parse.c userland/sh/pipeline.c userland/sh/redir.c userland/sh/simple.c userland/sh/subshell.c userland/sh/test.c
    userland/sh/vars.c userland/libexos/fake/spawn.c)
set(program_includes userland/libexos/include)

exos_unit_test(userland/sh_parse SOURCES ${sh_sources} INCLUDES userland/sh ${program_includes} DEFINES _GNU_SOURCE=)
exos_unit_test(userland/sh_expand SOURCES ${sh_sources} INCLUDES userland/sh ${program_includes} DEFINES _GNU_SOURCE=)
exos_unit_test(userland/httpd_request SOURCES userland/httpd/request.c userland/httpd/path.c userland/httpd/range.c
    userland/httpd/date.c INCLUDES userland/httpd DEFINES _GNU_SOURCE=)
exos_unit_test(userland/init_config SOURCES userland/init/cmdline.c userland/init/inittab.c INCLUDES userland/init
    DEFINES _GNU_SOURCE=)
exos_unit_test(userland/stride_policy SOURCES userland/stride/policy.c INCLUDES userland/stride)
