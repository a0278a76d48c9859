#include "certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CERTS_HERE "DNS:localhost,IP:127.0.0.1,IP:::1"

static bool certs_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool added;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool certs_name(X509 *cert, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
					  -1, 0) == 1;
}

/* names: the subjectAltName, NULL for a CA. issuer: NULL for itself. until: seconds from now. */
static X509 *certs_new(EVP_PKEY *key, const char *name, const char *names, X509 *issuer, long until)
{
	X509 *cert = X509_new();
	X509 *by = issuer != NULL ? issuer : cert;
	unsigned serial;
	bool made;

	if (cert == NULL || RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return NULL;
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), (long)(serial >> 1));
	X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
	X509_gmtime_adj(X509_getm_notAfter(cert), until);
	made = certs_name(cert, name) && X509_set_issuer_name(cert, X509_get_subject_name(by)) == 1 &&
	       X509_set_pubkey(cert, key) == 1 &&
	       certs_extend(cert, by, NID_basic_constraints, names == NULL ? "critical,CA:TRUE" : "CA:FALSE") &&
	       (names == NULL || certs_extend(cert, by, NID_subject_alt_name, names)) && X509_sign(cert, key, EVP_sha256()) > 0;
	if (!made) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

static bool certs_write(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *file = fopen(path, "w");
	bool written;

	if (file == NULL)
		return false;
	written = cert != NULL ? PEM_write_X509(file, cert) == 1 : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
	return fclose(file) == 0 && written;
}

static bool certs_leaf(const char *path, EVP_PKEY *key, const char *names, X509 *issuer, long until)
{
	X509 *cert = certs_new(key, "a test's server", names, issuer, until);
	bool written = cert != NULL && certs_write(path, cert, NULL);

	X509_free(cert);
	return written;
}

static void certs_paths(struct certs *c)
{
	snprintf(c->ca, sizeof(c->ca), "%s/ca.pem", c->dir);
	snprintf(c->good, sizeof(c->good), "%s/good.pem", c->dir);
	snprintf(c->wrong, sizeof(c->wrong), "%s/wrong.pem", c->dir);
	snprintf(c->expired, sizeof(c->expired), "%s/expired.pem", c->dir);
	snprintf(c->stranger, sizeof(c->stranger), "%s/stranger.pem", c->dir);
	snprintf(c->key, sizeof(c->key), "%s/key.pem", c->dir);
}

int certs_make(struct certs *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *ca = key != NULL ? certs_new(key, "a test's CA", NULL, NULL, 3600) : NULL;
	bool made;

	snprintf(c->dir, sizeof(c->dir), "/tmp/jobd-certs-XXXXXX");
	if (ca == NULL || mkdtemp(c->dir) == NULL) {
		fprintf(stderr, "cannot make test certificates\n");
		return -1;
	}
	certs_paths(c);
	made = certs_write(c->ca, ca, NULL) && certs_write(c->key, NULL, key) &&
	       certs_leaf(c->good, key, CERTS_HERE, ca, 3600) && certs_leaf(c->expired, key, CERTS_HERE, ca, -60) &&
	       certs_leaf(c->wrong, key, "DNS:elsewhere.example", ca, 3600) &&
	       certs_leaf(c->stranger, key, CERTS_HERE, NULL, 3600);
	X509_free(ca);
	EVP_PKEY_free(key);
	return made ? 0 : -1;
}

void certs_remove(struct certs *c)
{
	const char *const files[] = { c->ca, c->good, c->wrong, c->expired, c->stranger, c->key };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir(c->dir);
}
