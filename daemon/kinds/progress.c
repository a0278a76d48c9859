#include "kinds/progress.h"

#include <string.h>

#include "proto/jwriter.h"
#include "proto/utf8.h"

void progress_put(struct buf *out, double fraction, const char *message)
{
	struct jwriter w;

	jw_init(&w, out);
	jw_object(&w);
	if (fraction >= 0)
		jw_put_real(&w, "fraction", fraction < 1 ? fraction : 1);
	if (message != NULL) {
		jw_key(&w, "message");
		jw_stringn(&w, message, utf8_clip(message, strlen(message), PROGRESS_MESSAGE));
	}
	jw_object_end(&w);
}
