/* libjobd: submits that survive the loss of their answer. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "client/client.h"
#include "client/inbox.h"

enum { REQUEST_ID_BYTES = 16 };

int jobd_request_id(json_t *job, struct jobd_error *error)
{
	unsigned char bits[REQUEST_ID_BYTES];
	char text[2 * REQUEST_ID_BYTES + 1];

	if (json_object_get(job, "request_id") != NULL)
		return 0;
	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		return inbox_error(error, "memory", "the system gives no random bits");
	for (size_t i = 0; i < sizeof(bits); i++)
		snprintf(text + 2 * i, 3, "%02x", bits[i]);
	return json_object_set_new(job, "request_id", json_string(text)) == 0 ? 0 : inbox_error(error, "memory", "out of memory");
}

json_t *jobd_submit(struct jobd *j, json_t *job, struct jobd_error *error)
{
	json_t *answer = NULL;

	if (jobd_request_id(job, error) == 0) {
		answer = jobd_call(j, "job.submit", json_incref(job), error);
		if (answer == NULL && jobd_lost(error) && jobd_reconnect(j, error) == 0)
			answer = jobd_call(j, "job.submit", json_incref(job), error);
	}
	json_decref(job);
	return answer;
}
