/*
 * nvme.h: what the NVMe driver's two halves share: bringing a controller up (nvme_init.c) and moving blocks (nvme.c).
 * NVM Express Base Specification 2.0 and NVM Command Set Specification 1.0; section numbers below are theirs.
 */
#ifndef AEGIS_DEV_NVME_H
#define AEGIS_DEV_NVME_H

#include "dev/disk.h"
#include "dev/pci.h"

#define NVME_ADMIN_ENTRIES 16
#define NVME_IO_ENTRIES 64          /* of the I/O queues: one frame of submissions */

/* 3.1.3: registers. */
struct nvme_registers {
    uint64_t cap;
    uint32_t version, intms, intmc, cc;
    uint32_t reserved, csts, nssr, aqa;
    uint64_t asq, acq;
};
static_assert(offsetof(struct nvme_registers, cc) == 0x14, "3.1.3");
static_assert(offsetof(struct nvme_registers, asq) == 0x28, "3.1.3");

/* 3.3.3.1: a submission. */
struct nvme_command {
    uint32_t opcode;                /* and the command's identifier << 16 */
    uint32_t nsid;
    uint64_t reserved, metadata;
    uint64_t prp1, prp2;
    uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
static_assert(sizeof(struct nvme_command) == 64, "3.3.3.1");

/* 3.3.3.2: a completion. */
struct nvme_completion {
    uint32_t result, reserved;
    uint16_t sq_head, sq_id;
    uint16_t command;
    uint16_t status;                /* bit 0: phase */
};
static_assert(sizeof(struct nvme_completion) == 16, "3.3.3.2");

struct nvme_queue {
    struct nvme_command *submission;
    volatile struct nvme_completion *completion;
    volatile uint32_t *submission_bell, *completion_bell;
    uint16_t entries, tail, head;
    uint16_t phase;                 /* that a new completion carries */
};

/* What a command needs besides its data: addresses of its frames but the first, or the range to deallocate. */
union nvme_extra {
    uint64_t prp[AEG_REQUEST_FRAMES];
    struct {
        uint32_t attributes, blocks;
        uint64_t first;
    } range;
};
static_assert(sizeof(union nvme_extra) == 256, "none crosses a frame");

struct nvme {
    struct pci_device *pci;
    volatile struct nvme_registers *reg;
    struct nvme_queue admin, io;
    struct disk *disk;
    struct spinlock lock;
    bool write_cache, can_deallocate, can_zero, read_only;
    uint32_t transfer_max;          /* bytes of one command */
    uint64_t blocks;
    union nvme_extra *extra;        /* of each command */
    uint64_t free_commands;         /* bit i: command i is free */
    struct disk_request *request[NVME_IO_ENTRIES];
};
static_assert(NVME_IO_ENTRIES == 64, "free_commands is 64 bits wide");

/* Puts a command at the tail, with this identifier; the queue is not full. */
void nvme_post(struct nvme_queue *q, struct nvme_command *c, uint16_t id);
/* Takes the next completion: its identifier and status field (without the phase). false: there is none. */
bool nvme_take(struct nvme_queue *q, uint16_t *id, uint16_t *status);

/* Resets the controller, finds out about namespace 1, makes the I/O queues. -1: it cannot be used; the log says why. */
int nvme_start(struct nvme *n, irq_handler *handler);

#endif
