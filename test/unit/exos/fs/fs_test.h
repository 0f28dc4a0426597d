/* fs_test.h: making images, mounting them, and small shorthands over the vfs. Include after cmocka. */
#ifndef FS_TEST_H
#define FS_TEST_H

#include "fake/exos/fs_host.h"

#include "base/mem.h"
#include "fs/cache_priv.h"
#include "fs/ext4.h"
#include "fs/file.h"
#include "fs/inode.h"

#define PATH_PREFIX "PATH=$PATH:/usr/sbin:/sbin; "

static char test_image[256], test_dir[200];

static inline void
test_start(const char *name)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(test_dir, sizeof(test_dir), "%s/exosfs-%s-%d", tmp != NULL ? tmp : "/tmp", name, (int)getpid());
    snprintf(test_image, sizeof(test_image), "%s/image", test_dir);
    assert_int_equal(host_run("rm -rf %s; mkdir -p %s/src", test_dir, test_dir), 0);
}

static inline void
test_end(void)
{
    host_run("rm -rf %s", test_dir);
}

/* Makes the image from the tree at test_dir/src. */
static inline void
make_image(const char *options, const char *size)
{
    assert_int_equal(host_run(PATH_PREFIX "rm -f %s; mke2fs -q -F %s -d %s/src %s %s", test_image, options, test_dir, test_image, size), 0);
}

static inline int
fsck(void)
{
    return host_run(PATH_PREFIX "e2fsck -fn %s > %s/fsck.log 2>&1 || { cat %s/fsck.log; exit 1; }", test_image, test_dir, test_dir);
}

/* What was opened. */
static inline int
mount_opened(void)
{
    static bool once;
    int err;

    if (!once)
        fs_init();
    once = true;
    err = fs_mount_root("vda");
    if (err != 0) {
        host_close();
        return err;
    }
    host_proc.fs = fs_context_spawn(NULL, NULL, 0, false);
    return 0;
}

static inline int
mount_image(void)
{
    host_open(test_image);
    return mount_opened();
}

static inline int
unmount_image(void)
{
    int err;

    fs_context_destroy(host_proc.fs);
    host_proc.fs = NULL;
    err = fs_unmount_all();
    host_close();
    return err;
}

/* Objects of the heap, without those that the library keeps for the next file and the next request. After the first mount. */
static inline unsigned
objects_held(void)
{
    unsigned kept = 0;

    file_spares_drop();
    list_for(l, &cache.io_free)
        kept++;
    return host_heap_objects - kept;
}

#endif
