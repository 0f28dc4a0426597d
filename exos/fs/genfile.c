/* genfile.c: files of generated trees as open files: reading makes the text, writing hands it on. */
#include "fs/gen.h"
#include "base/mem.h"

#define STORE_MAX 128                   /* bytes that one write hands on */

/* The row of an open file, and what it is about. */
static int
about(const struct file *f, const struct gen_row **r, uint64_t *key, void **object)
{
    const struct gen_set *s = NULL;
    unsigned depth;

    *r = gen_row_of(f->inode, &depth, key);
    for (unsigned n = 0; n < GEN_SETS && (*r)->sets[n] != NULL; n++)
        s = (*r)->sets[n];
    *object = NULL;
    if (s == NULL || s->object == NULL)
        return 0;
    *object = s->object(*key);
    return *object == NULL ? s->gone : 0;
}

static int
generate(const struct file *f, struct text_buf *t)
{
    const struct gen_row *r;
    void *object;
    int err = about(f, &r, &t->key, &object);

    if (err != 0)
        return err;
    if (r->show != NULL)
        return r->show(t);
    if (r->show_of != NULL)
        return r->show_of(t, object);
    text_print(t, "%s", r->text);
    return 0;
}

/* The text is made when reading begins at the start, and kept for the rest. */
static ssize
text_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct text_buf *t = f->priv;
    ssize n;
    int err;

    if (t == NULL) {
        t = heap_alloc(sizeof(*t));
        if (t == NULL)
            return -ENOMEM;
        f->priv = t;
    }
    if (*pos == 0 || t->data == NULL) {
        text_free(t);
        err = generate(f, t);
        if (err != 0)
            return err;
    }
    if (*pos >= t->len)
        return 0;
    n = uio_out(u, t->data + *pos, t->len - *pos);
    if (n > 0)
        *pos += (uint64_t)n;
    return n;
}

static ssize
text_write(struct file *f, struct uio *u, uint64_t *pos)
{
    char text[STORE_MAX];
    const struct gen_row *r;
    uint64_t key;
    void *object;
    ssize len;
    int err = about(f, &r, &key, &object);

    if (err != 0)
        return err;
    if (r->store == NULL && r->store_of == NULL)
        return -EIO;
    len = uio_in(u, text, sizeof(text) - 1);
    if (len < 0)
        return len;
    text[len] = '\0';
    err = r->store != NULL ? r->store(text, (size_t)len) : r->store_of(object, text, (size_t)len);
    if (err != 0)
        return err;
    *pos += (uint64_t)len;
    return len;
}

static void
text_release(struct file *f)
{
    if (f->priv == NULL)
        return;
    text_free(f->priv);
    heap_free(f->priv);
}

const struct file_ops gen_file_ops = { .name = "proc", .read = text_read, .write = text_write, .release = text_release };
