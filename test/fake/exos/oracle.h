/* oracle.h: the host's own file system under a directory, called as ours is: flags by number, -errno as the result. */
#ifndef FAKE_EXOS_ORACLE_H
#define FAKE_EXOS_ORACLE_H

#include <stddef.h>
#include <stdint.h>

struct oracle_stat { uint32_t mode, nlink; uint64_t size; };

void oracle_root(const char *dir);
long oracle_open(const char *path, unsigned flags, unsigned mode);
long oracle_close(int fd);
long oracle_pwrite(int fd, const void *buf, size_t n, uint64_t pos);
long oracle_pread(int fd, void *buf, size_t n, uint64_t pos);
long oracle_ftruncate(int fd, uint64_t size);
long oracle_fallocate(int fd, unsigned mode, uint64_t off, uint64_t len);
long oracle_mkdir(const char *path, unsigned mode);
long oracle_rmdir(const char *path);
long oracle_unlink(const char *path);
long oracle_rename(const char *a, const char *b, unsigned flags);
long oracle_link(const char *a, const char *b);
long oracle_symlink(const char *target, const char *path);
long oracle_readlink(const char *path, char *buf, size_t size);
long oracle_lstat(const char *path, struct oracle_stat *s);

#endif
