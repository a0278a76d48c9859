/* certs: certificates made for one test, in a directory of its own. All share one key. */
#ifndef JOBD_TEST_CERTS_H
#define JOBD_TEST_CERTS_H

struct certs {
	char dir[64];
	char ca[96];		/* the CA's own certificate */
	char good[96];		/* for localhost, 127.0.0.1 and ::1, by that CA */
	char wrong[96];		/* by that CA, for elsewhere.example */
	char expired[96];	/* as good, but its time is over */
	char stranger[96];	/* as good, but signed by itself */
	char key[96];
};

/* 0, or -1 with a complaint on stderr. */
int certs_make(struct certs *c);
void certs_remove(struct certs *c);

#endif
