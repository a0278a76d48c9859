/* server_settings: what the configuration means to each part. */
#ifndef JOBD_SERVER_SETTINGS_H
#define JOBD_SERVER_SETTINGS_H

#include "coro/loop.h"
#include "listen.h"
#include "work/pool.h"

struct conf;
struct parts;

/* What they ask for that this version does not do: a sentence, or NULL. */
const char *settings_lack(const struct conf *c);

/* All texts in these are borrowed. */
struct loop_conf settings_of_loop(const struct conf *c);
struct listen_conf settings_of_listen(const struct conf *c);
struct pool_conf settings_of_pool(const struct conf *c, const char *program, unsigned long long open_files);

/* What may change while the daemon runs, but for the pool. */
void settings_apply(const struct conf *c, struct parts *p);

#endif
