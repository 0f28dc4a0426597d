/*
 * fs_host.h: the file system on the host: a block device over an image file whose requests complete only when somebody waits, a
 * heap that is counted, locks whose rank order is checked, one process.
 *
 * Include it after the system's headers, and do not include <fcntl.h> or <sys/stat.h>: their names are ours here.
 */
#ifndef FAKE_EXOS_FS_HOST_H
#define FAKE_EXOS_FS_HOST_H

#include "base/base.h"
#include "base/block.h"
#include "proc/proc.h"

extern struct blkdev host_dev;
extern struct proc host_proc;
extern uint64_t host_clock_ns;
extern uint64_t host_mem_pages;             /* mem_total_pages(); page_alloc fails beyond twice as many */
extern unsigned host_heap_objects, host_pages;
/* Allocations are counted; the one with this number fails (negative: none), and with _all every later one, too. */
extern unsigned host_allocs;
extern int host_alloc_fail;
extern bool host_alloc_fail_all;
extern unsigned host_unmapped;          /* entries of page tables that the cache has taken out */
extern bool host_may_store;              /* some space could store to any file */
extern uint64_t host_reads, host_writes;    /* requests */
extern uint64_t host_fail_sector;           /* requests that touch it fail; UINT64_MAX: none */
/* Requests of these operations (a bit each) are counted; the one with this number fails (negative: none), and with _all every later one, too. */
extern unsigned host_ios, host_io_fail_ops;
extern int host_io_fail;
extern bool host_io_fail_all;
extern void (*host_record)(uint64_t sector, uint32_t bytes, const void *data);  /* told of every write and flush (0 bytes), in order */
extern bool host_quiet;
extern int host_signalled;                  /* the last signal that the process was sent */
extern struct siginfo_brief host_signal_info;  /* what came along, if something did */
extern char host_last_log[256];

/* Opens the image as block device "vda"; once per program run per image. */
void host_open(const char *image);
/* The same of an image in memory. */
void host_open_memory(void *bytes, size_t size);
/* Chance and the clock begin again. The seed is not 0. */
void host_seed(uint64_t seed);
void host_close(void);
/* Shell command; its exit status. */
int host_run(const char *format, ...) PRINTF(1, 2);
/* Completes every queued request. */
void host_drain(void);

#endif
