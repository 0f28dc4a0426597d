# What some of lwIP's files are told wherever they are compiled (LWIP_DIR: where they are).
# The only assertion of inet_chksum.c is about a length that any packet of UDP-Lite may say.
set_source_files_properties(${LWIP_DIR}/src/core/inet_chksum.c PROPERTIES COMPILE_DEFINITIONS LWIP_NOASSERT)
