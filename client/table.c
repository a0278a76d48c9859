#include "client/table.h"

#include <ctype.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/cell.h"
#include "client/ctl.h"

struct table {
	const struct ctl *ctl;
	const char *const *columns;
	struct libscols_table *drawn;	/* on a terminal only; else NULL */
};

static bool table_is_drawn(const struct ctl *ctl)
{
	return ctl->out_terminal && !ctl->json;
}

/* ---- on a terminal ---- */

static void table_head(char out[64], const char *name)
{
	size_t i = 0;

	for (; *name != '\0' && i < 63; name++)
		out[i++] = (char)toupper((unsigned char)*name);
	out[i] = '\0';
}

/* The last part of a member's path. */
static const char *table_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL ? dot + 1 : path;
}

/* May it be long, so that it is cut first where the terminal ends? */
static bool table_is_long(const char *name)
{
	static const char *const texts[] = { "error", "where", "args", "result", "tags", "meta" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i], name) == 0)
			return true;
	return false;
}

/* Numbers to the right; names are cut where cutting what is long is not enough, a sentence goes on in the next line. */
static int table_flags(const char *name)
{
	if (table_is_long(name) || strcmp(name, "type") == 0 || strcmp(name, "queue") == 0)
		return SCOLS_FL_TRUNC;
	if (strcmp(name, "message") == 0)
		return SCOLS_FL_WRAP;
	return cell_numeric(name) ? SCOLS_FL_RIGHT : 0;
}

static bool table_draw_columns(struct table *t)
{
	for (const char *const *path = t->columns; *path != NULL; path++) {
		const char *name = table_name(*path);
		struct libscols_column *column;
		char head[64];

		table_head(head, name);
		/* libsmartcols cuts columns first whose width is said as a part of the whole, however small. */
		column = scols_table_new_column(t->drawn, head, table_is_long(name) ? 0.01 : 0, table_flags(name));
		if (column == NULL)
			return false;
		scols_cell_set_color(scols_column_get_header(column), "bold");
	}
	return true;
}

static struct libscols_table *table_draw_new(const struct ctl *ctl)
{
	struct libscols_table *drawn = scols_new_table();

	if (drawn != NULL && ctl_colored(ctl, true))
		scols_table_enable_colors(drawn, 1);
	return drawn;
}

static int table_draw_cell(struct libscols_line *line, size_t n, const char *path, const json_t *value)
{
	const char *color = cell_color(path, value);
	struct buf text;
	int rc = -1;

	buf_init(&text);
	cell_put(&text, table_name(path), value, true);
	buf_putc(&text, '\0');
	if (!buf_failed(&text))
		rc = scols_line_set_data(line, n, buf_data(&text));
	if (rc == 0 && color != NULL)
		rc = scols_cell_set_color(scols_line_get_cell(line, n), color);
	buf_free(&text);
	return rc;
}

static int table_draw_row(struct table *t, json_t *record)
{
	struct libscols_line *line = scols_table_new_line(t->drawn, NULL);
	int rc = line != NULL ? 0 : -1;

	for (size_t i = 0; t->columns[i] != NULL && rc == 0; i++)
		rc = table_draw_cell(line, i, t->columns[i], cell_find(record, t->columns[i]));
	return rc;
}

/* ---- in a pipe ---- */

/* A value's text on its line: what would end the field or the line becomes a space. */
static void table_plain_cell(const struct ctl *ctl, struct buf *line, const char *path, const json_t *value)
{
	const char *color = ctl_colored(ctl, false) ? cell_color(path, value) : NULL;
	size_t before;

	if (color != NULL)
		buf_puts(line, color);
	before = buf_len(line);

	cell_put(line, table_name(path), value, false);
	if (buf_len(line) == before)
		buf_putc(line, '-');
	for (size_t i = before; i < buf_len(line); i++)
		if ((unsigned char)buf_data(line)[i] < 0x20)
			buf_data(line)[i] = ' ';
	if (color != NULL)
		buf_puts(line, CELL_COLOR_END);
}

static void table_plain_end(struct buf *line)
{
	buf_putc(line, '\n');
	if (buf_failed(line))
		ctl_error("out of memory");
	else
		fwrite(buf_data(line), 1, buf_len(line), stdout);
	buf_free(line);
}

static void table_plain_row(const struct table *t, json_t *record)
{
	struct buf line;

	buf_init(&line);
	for (size_t i = 0; t->columns[i] != NULL; i++) {
		if (i > 0)
			buf_putc(&line, '\t');
		table_plain_cell(t->ctl, &line, t->columns[i], cell_find(record, t->columns[i]));
	}
	table_plain_end(&line);
}

/* ---- either ---- */

struct table *table_new(const struct ctl *ctl, const char *const *columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t != NULL) {
		t->ctl = ctl;
		t->columns = columns;
		if (!table_is_drawn(ctl))
			return t;
		t->drawn = table_draw_new(ctl);
		if (t->drawn != NULL && table_draw_columns(t))
			return t;
		scols_unref_table(t->drawn);
		free(t);
	}
	ctl_error("out of memory");
	return NULL;
}

void table_set_widths(struct table *t, const int *widths)
{
	for (size_t i = 0; t->drawn != NULL && t->columns[i] != NULL; i++) {
		struct libscols_column *column = scols_table_get_column(t->drawn, i);

		scols_column_set_whint(column, widths[i]);
		scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_STRICTWIDTH);
	}
}

void table_add(struct table *t, json_t *record)
{
	if (t->ctl->json)
		ctl_print_json(record);
	else if (t->drawn == NULL)
		table_plain_row(t, record);
	else if (table_draw_row(t, record) < 0)
		ctl_error("out of memory");
}

/* What few records have is shown where one has it. */
static bool table_is_spare(const char *name)
{
	static const char *const spare[] = { "oldest_ready_seconds", "concurrency", "rate", "max_ready", "cron", "every", "last_fired_at", "last_job" };

	for (size_t i = 0; i < sizeof(spare) / sizeof(spare[0]); i++)
		if (strcmp(spare[i], name) == 0)
			return true;
	return false;
}

static bool table_is_bare(const struct table *t, size_t column)
{
	for (size_t n = 0; n < scols_table_get_nlines(t->drawn); n++) {
		const char *text = scols_cell_get_data(scols_line_get_cell(scols_table_get_line(t->drawn, n), column));

		if (text != NULL && *text != '\0')
			return false;
	}
	return true;
}

static void table_hide_spare(struct table *t)
{
	for (size_t i = 0; t->columns[i] != NULL; i++) {
		struct libscols_column *column = scols_table_get_column(t->drawn, i);

		if (table_is_spare(table_name(t->columns[i])) && table_is_bare(t, i))
			scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
	}
}

void table_flush(struct table *t)
{
	if (t->drawn == NULL || scols_table_is_empty(t->drawn))
		return;
	table_hide_spare(t);
	scols_print_table(t->drawn);
	scols_table_remove_lines(t->drawn);
	scols_table_enable_noheadings(t->drawn, 1);
}

void table_free(struct table **t)
{
	if (*t == NULL)
		return;
	table_flush(*t);
	scols_unref_table((*t)->drawn);
	free(*t);
	*t = NULL;
}

/* ---- an object's members ---- */

static bool table_leaves_out(const char *const *leave_out, const char *name)
{
	for (; leave_out != NULL && *leave_out != NULL; leave_out++)
		if (strcmp(*leave_out, name) == 0)
			return true;
	return false;
}

static void table_plain_member(const struct ctl *ctl, const char *prefix, const char *name, const json_t *value)
{
	struct buf line;

	buf_init(&line);
	buf_printf(&line, "%s%s%s\t", prefix != NULL ? prefix : "", prefix != NULL ? "." : "", name);
	table_plain_cell(ctl, &line, name, value);
	table_plain_end(&line);
}

static int table_draw_member(struct libscols_table *drawn, const char *name, const json_t *value)
{
	struct libscols_line *line = scols_table_new_line(drawn, NULL);
	char head[64];

	if (line == NULL)
		return -1;
	table_head(head, name);
	return scols_line_set_data(line, 0, head) == 0 ? table_draw_cell(line, 1, name, value) : -1;
}

void table_members(const struct ctl *ctl, json_t *object, const char *prefix, const char *const *leave_out)
{
	struct libscols_table *drawn = NULL;
	const char *name;
	json_t *value;
	int rc = 0;

	if (table_is_drawn(ctl)) {
		drawn = table_draw_new(ctl);
		if (drawn == NULL || scols_table_new_column(drawn, "MEMBER", 0, 0) == NULL ||
		    scols_table_new_column(drawn, "VALUE", 0, SCOLS_FL_WRAP) == NULL)
			rc = -1;
		else
			scols_table_enable_noheadings(drawn, 1);
	}
	json_object_foreach(object, name, value) {
		if (rc < 0 || table_leaves_out(leave_out, name))
			continue;
		if (drawn != NULL)
			rc = table_draw_member(drawn, name, value);
		else
			table_plain_member(ctl, prefix, name, value);
	}
	if (rc < 0)
		ctl_error("out of memory");
	else if (drawn != NULL && !scols_table_is_empty(drawn))
		scols_print_table(drawn);
	scols_unref_table(drawn);
}
