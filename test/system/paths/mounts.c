/*
 * mounts.c: prints what mount(2) and umount2(2) do with file systems in memory; the same on Linux (mounts.txt).
 *
 * usage: mounts DIRECTORY [DISK]   (empty; as root; a disk with an ext4 file system)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64];

static void
say(const char *what, long r)
{
    printf("%-40s %s", what, r < 0 ? strerror(errno) : "");
    if (r >= 0)
        printf("%ld", r);
    printf("\n");
}

static void
make(const char *path)
{
    close(open(path, O_CREAT | O_WRONLY, 0644));
}

/* What the table says of mounts below the directory: source, place, type, whether they may be written. */
static void
table(const char *file)
{
    char line[512], *source, *place, *type, *options;
    FILE *f = fopen(file, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        source = strtok(line, " ");
        place = strtok(NULL, " ");
        type = strtok(NULL, " ");
        options = strtok(NULL, " ");
        if (place != NULL && options != NULL && strncmp(place, top, strlen(top)) == 0)
            printf("  %s on %s type %s %.2s%s\n", source, place + strlen(top), type, options, strstr(options, "noexec") != NULL ? " noexec" : "");
    }
    if (f != NULL)
        fclose(f);
}

/* How many lines of mountinfo name such a place, with a parent that is there, too. */
static int
in_mountinfo(const char *place)
{
    char line[512], where[256];
    int id, up, count = 0;
    FILE *f = fopen("/proc/self/mountinfo", "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%d %d %*s / %255s", &id, &up, where) == 3 && strncmp(where, top, strlen(top)) == 0)
            count += strcmp(where + strlen(top), place) == 0 && id != up;
    }
    if (f != NULL)
        fclose(f);
    return count;
}

static void
in_and_out(void)
{
    struct stat s, above;
    struct statfs fs;
    char cwd[256];
    int fd, in, status;

    mkdir("m", 0755);
    mkdir("a place", 0755);
    make("m/hidden");
    say("mount", mount("mine", "m", "tmpfs", 0, "mode=750,uid=7,gid=8"));
    stat("m", &s);
    stat(".", &above);
    printf("mode %o owner %u %u, another device: %d\n", s.st_mode, s.st_uid, s.st_gid, s.st_dev != above.st_dev);
    statfs("m", &fs);
    printf("type %lx\n", (long)fs.f_type);
    say("what was there", access("m/hidden", F_OK));
    make("m/seen");
    say("what is there", access("m/seen", F_OK));
    say("up", stat("m/..", &s) == 0 && s.st_ino == above.st_ino ? 0 : -1);
    say("remove", rmdir("m"));
    say("rename", rename("m", "n"));
    say("link across", link("m/seen", "across"));
    table("/proc/mounts");
    say("mountinfo", in_mountinfo("/m"));
    fd = open("m/seen", O_RDWR);
    say("busy by a file", umount2("m", 0));
    close(fd);
    if (fork() == 0) {
        chdir("m");
        getcwd(cwd, sizeof(cwd));
        printf("in %s\n", cwd + strlen(top));
        say("busy by a directory", umount2(".", 0));
        _exit(0);
    }
    wait(&status);
    in = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(in, "m/seen", IN_OPEN);
    say("unmount", umount2("m", 0));
    say("events", read(in, cwd, sizeof(cwd)));
    printf("%x %x\n", ((struct inotify_event *)(void *)cwd)->mask, ((struct inotify_event *)(void *)(cwd + 16))->mask);
    close(in);
    say("what was there", access("m/hidden", F_OK));
    say("what is there", access("m/seen", F_OK));
    say("unmount again", umount2("m", 0));
    table("/proc/self/mounts");
    say("a name with a space", mount("none", "a place", "tmpfs", MS_NOEXEC | MS_RDONLY, NULL));
    table("/proc/mounts");
    say("read-only", open("a place/x", O_CREAT | O_WRONLY, 0600));
    say("unmount it", umount2("a place", 0));
}

static void
layers(void)
{
    int fd;
    struct stat s;
    char cwd[256];

    say("one", mount("one", "m", "tmpfs", 0, NULL));
    make("m/one");
    say("two over it", mount("two", "m", "tmpfs", 0, NULL));
    make("m/two");
    say("one is hidden", access("m/one", F_OK));
    mkdir("m/d", 0755);
    say("three in it", mount("three", "m/d", "tmpfs", 0, NULL));
    make("m/d/three");
    table("/proc/mounts");
    say("two is busy", umount2("m", 0));
    say("three goes", umount2("m/d", 0));
    say("two goes", umount2("m", 0));
    say("one is back", access("m/one", F_OK));
    fd = open("m/one", O_RDWR);
    say("detached while open", umount2("m", MNT_DETACH));
    say("gone", access("m/one", F_OK));
    say("still open", write(fd, "x", 1));
    say("still open", fstat(fd, &s));
    close(fd);
    mount("one", "m", "tmpfs", 0, NULL);
    mkdir("m/d", 0755);
    mount("two", "m/d", "tmpfs", 0, NULL);
    chdir("m/d");
    say("a tree is detached", umount2("..", MNT_DETACH));
    make("x");
    say("still in it", access("x", F_OK));
    say("above it is nothing", stat("..", &s) == 0 && access("../x", F_OK) == 0 ? 0 : -1);
    (void)cwd;
    chdir(top);
    table("/proc/mounts");
}

static void
again(void)
{
    int fd;

    mount("one", "m", "tmpfs", 0, NULL);
    make("m/f");
    fd = open("m/f", O_RDWR);
    say("read-only while written", mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    close(fd);
    say("read-only", mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    say("write", open("m/f", O_RDWR));
    say("make", mkdir("m/d", 0755));
    say("remove", unlink("m/f"));
    say("chmod", chmod("m/f", 0600));
    say("access", access("m/f", W_OK));
    table("/proc/mounts");
    say("writable", mount(NULL, "m", NULL, MS_REMOUNT, NULL));
    say("remove", unlink("m/f"));
    say("no mount", mount(NULL, "a place", NULL, MS_REMOUNT, NULL));
    mknod("m/null", S_IFCHR | 0666, 1 << 8 | 3);
    say("a device", close(open("m/null", O_RDWR)));
    mount(NULL, "m", NULL, MS_REMOUNT | MS_NODEV, NULL);
    say("no devices", open("m/null", O_RDWR));
    say("unmount", umount2("m", 0));
    say("proc", mount("proc", "m", "proc", 0, NULL));
    say("its files", access("m/self/stat", R_OK));
    say("unmount", umount2("m", 0));
    say("dev", mount("dev", "m", "devtmpfs", 0, NULL));
    say("its files", close(open("m/null", O_RDWR)));
    say("unmount", umount2("m", 0));
    table("/proc/mounts");
}

static void
mistakes(void)
{
    int status;

    make("file");
    say("no such type", mount("x", "m", "nofs", 0, NULL));
    say("no type", mount("x", "m", NULL, 0, NULL));
    say("no place", mount("x", "nowhere", "tmpfs", 0, NULL));
    say("on a file", mount("x", "file", "tmpfs", 0, NULL));
    say("bad option", mount("x", "m", "tmpfs", 0, "colour=blue"));
    say("bad mode", mount("x", "m", "tmpfs", 0, "mode=9"));
    say("no disk", mount("nowhere", "m", "ext4", 0, NULL));
    say("not a disk", mount("file", "m", "ext4", 0, NULL));
    say("bad memory", mount("x", (char *)8, "tmpfs", 0, NULL));
    say("unmount of nothing", umount2("nowhere", 0));
    say("unmount of a directory", umount2("m", 0));
    say("unmount of a file", umount2("file", 0));
    say("bad flags", umount2("m", 0x100));
    say("private", mount(NULL, "m", NULL, MS_PRIVATE, NULL));
    fflush(stdout);
    if (fork() == 0) {
        setresuid(1000, 1000, 1000);
        say("by others", mount("x", "m", "tmpfs", 0, NULL));
        say("unmount by others", umount2("m", 0));
        say("nowhere, by others", mount("x", "nowhere", "tmpfs", 0, NULL));
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
}

static void
disk(const char *dev)
{
    int fd;

    mkdir("m", 0755);
    mkdir("n", 0755);
    say("read-only", mount(dev, "m", "ext4", MS_RDONLY, NULL));
    say("make", open("m/f", O_CREAT | O_RDWR, 0600));
    say("writable", mount(NULL, "m", NULL, MS_REMOUNT, NULL));
    fd = open("m/f", O_CREAT | O_RDWR, 0600);
    say("write", write(fd, "text", 4));
    close(fd);
    say("unmount", umount2("m", 0));
    say("as another type", mount(dev, "m", "ext2", 0, NULL));
    fd = open("m/f", O_RDONLY);
    say("read", read(fd, top, 4));
    close(fd);
    say("remove", unlink("m/f"));
    say("make", mkdir("m/d", 0755));
    chdir("m/d");
    say("used", umount2("../../m", 0));
    say("detach", umount2("../../m", MNT_DETACH));
    say("still there", mkdir("e", 0755));
    chdir("/");
    for (int n = 0; n < 20 && mount(dev, "/w/n", "ext4", 0, NULL) != 0; n++)
        usleep(500000);
    say("it came free", access("/w/n/d/e", F_OK));
    say("unmount", umount2("/w/n", 0));
}

int
main(int argc, char **argv)
{
    if (argc < 2 || chdir(argv[1]) != 0) {
        perror("mounts: directory");
        return 1;
    }
    snprintf(top, sizeof(top), "%s", argv[1]);
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 2) {
        disk(argv[2]);
        return 0;
    }
    in_and_out();
    layers();
    again();
    mistakes();
    return 0;
}
