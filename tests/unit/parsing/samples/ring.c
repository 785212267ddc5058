#include <stdlib.h>
#include <string.h>

#define RING_MAX 4096
#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* A buffer of bytes that wraps around. */
struct ring {
    size_t head, tail;
    unsigned char *data;
    char name[16];
};

typedef struct {
    int code;
    const char *text;
} ring_error;

typedef enum ring_mode { RING_READ, RING_WRITE } ring_mode;

typedef int (*ring_callback)(struct ring *, void *);

static const char *last_error = NULL;
static int counters[4];

static size_t ring_size(const struct ring *r);

#ifdef RING_DEBUG
static void ring_dump(const struct ring *r)
{
    printf("%zu %zu\n", r->head, r->tail);
}
#endif

/*
 * Makes a ring of the given size. The caller frees it. Returns NULL when there is no memory, or when
 * the size is more than RING_MAX bytes.
 */
struct ring *ring_new(size_t size)
{
    struct ring *r;

    if (size > RING_MAX)
        return NULL;
    r = calloc(1, sizeof(*r));
    if (r)
        r->data = malloc(size);
    return r;
}

static size_t
ring_size(const struct ring *r)
{
    return r->head >= r->tail ? r->head - r->tail : RING_MAX - r->tail + r->head;
}
