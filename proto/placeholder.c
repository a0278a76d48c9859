#include "proto/placeholder.h"

#include <stdlib.h>
#include <string.h>

bool placeholder_is_result(const json_t *value)
{
	size_t members = json_object_size(value);

	if (members == 0 || members > 2 || json_object_get(value, "$result") == NULL)
		return false;
	return members == 1 || json_object_get(value, "pointer") != NULL;
}

bool placeholder_is_literal(const json_t *value)
{
	return json_object_size(value) == 1 && json_object_get(value, "$literal") != NULL;
}

bool placeholder_in(const json_t *value)
{
	if (json_is_object(value)) {
		const char *name;
		json_t *member;

		if (placeholder_is_result(value) || placeholder_is_literal(value))
			return true;
		json_object_foreach((json_t *)value, name, member)	/* jansson wants it so; nothing is changed */
			if (placeholder_in(member))
				return true;
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		if (placeholder_in(json_array_get(value, i)))
			return true;
	return false;
}

const json_t *placeholder_job(const json_t *placeholder)
{
	return json_object_get(placeholder, "$result");
}

const char *placeholder_pointer(const json_t *placeholder)
{
	const json_t *pointer = json_object_get(placeholder, "pointer");

	if (pointer == NULL)
		return "";
	if (strlen(json_is_string(pointer) ? json_string_value(pointer) : "") != json_string_length(pointer))
		return NULL;
	return json_string_value(pointer);
}

/* ---- JSON pointers ---- */

bool placeholder_pointer_ok(const char *pointer)
{
	if (pointer[0] != '\0' && pointer[0] != '/')
		return false;
	for (const char *c = strchr(pointer, '~'); c != NULL; c = strchr(c + 1, '~'))
		if (c[1] != '0' && c[1] != '1')
			return false;
	return true;
}

/* Does the part (len bytes, with ~0 and ~1) say this name? */
static bool part_is(const char *part, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++) {
		char c = part[i];

		if (c == '~')
			c = part[++i] == '0' ? '~' : '/';
		if (*name++ != c)
			return false;
	}
	return *name == '\0';
}

/* A name without a ~ is looked up; one with is looked for. */
static json_t *point_member(json_t *object, const char *part, size_t len)
{
	const char *name;
	json_t *member;

	if (memchr(part, '~', len) == NULL)
		return json_object_getn(object, part, len);
	json_object_foreach(object, name, member)
		if (part_is(part, len, name))
			return member;
	return NULL;
}

/* An index: digits without a needless 0 before them. */
static json_t *point_element(json_t *array, const char *part, size_t len)
{
	if (len == 0 || len > 9 || strspn(part, "0123456789") < len || (part[0] == '0' && len > 1))
		return NULL;
	return json_array_get(array, strtoul(part, NULL, 10));
}

json_t *placeholder_point(json_t *document, const char *pointer)
{
	json_t *value = document;

	while (value != NULL && *pointer == '/') {
		const char *part = pointer + 1;
		size_t len = strcspn(part, "/");

		value = json_is_array(value) ? point_element(value, part, len) : point_member(value, part, len);
		pointer = part + len;
	}
	return value;
}

/* ---- filling in ---- */

/* Takes over what stands for an element or member of `value`; false: there is nothing, or no memory to put it there. */
static bool fill_members(json_t *value, json_t *(*result)(void *arg, json_t *placeholder), void *arg)
{
	for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
		json_t *filled = placeholder_fill(json_object_iter_value(at), result, arg);

		if (filled == NULL || json_object_iter_set_new(value, at, filled) != 0)
			return false;
	}
	return true;
}

static bool fill_elements(json_t *value, json_t *(*result)(void *arg, json_t *placeholder), void *arg)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *filled = placeholder_fill(json_array_get(value, i), result, arg);

		if (filled == NULL || json_array_set_new(value, i, filled) != 0)
			return false;
	}
	return true;
}

json_t *placeholder_fill(json_t *value, json_t *(*result)(void *arg, json_t *placeholder), void *arg)
{
	if (placeholder_is_result(value))
		return result(arg, value);
	if (placeholder_is_literal(value))
		return json_incref(json_object_get(value, "$literal"));
	if (json_is_object(value) && !fill_members(value, result, arg))
		return NULL;
	if (json_is_array(value) && !fill_elements(value, result, arg))
		return NULL;
	return json_incref(value);
}

static json_t *keep(void *arg, json_t *placeholder)
{
	(void)arg;
	return json_incref(placeholder);
}

json_t *placeholder_unwrap(json_t *value)
{
	return placeholder_fill(value, keep, NULL);
}
