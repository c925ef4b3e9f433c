/* Two apps that verify each other before they say a word: peer serve|call PRODUCT-ID VERSION

   The other one must be signed by the signer in /etc/signer, have this product id, and at least this security
   version. All of it is measured with this program: /etc/signer and the arguments as well. Measurements cannot be
   demanded here, as each of the two would have to stand in the other one. */
#include <arpa/inet.h>
#include <errno.h>
#include <olos/olos.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PORT 4433
#define HOST "10.0.2.2" /* the host's loopback, with --olos-host-loopback */
#define ROOM 64

struct wanted {
    uint8_t signer[32];
    uint16_t product_id, version;
};

static struct olos_identity other; /* who the last peer was */

static void fail(const char *what)
{
    fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int refuse(const char *check)
{
    fprintf(stderr, "peer: refused: check '%s'\n", check);
    return -EACCES;
}

/* What an identity must be; see olos_verify_cert. */
static int judge(const struct olos_identity *identity, void *argument)
{
    const struct wanted *wanted = argument;
    if (!(identity->flags & OLOS_IDENTITY_SIGNED) || memcmp(identity->signer, wanted->signer, 32))
        return refuse("signer");
    if (identity->product_id != wanted->product_id)
        return refuse("product id");
    if (identity->security_version < wanted->version)
        return refuse("security version");
    other = *identity;
    return 0;
}

/* In place of OpenSSL's own verification, which knows names and authorities. 1 for yes. */
static int verify(X509_STORE_CTX *shown, void *wanted)
{
    unsigned char *der = NULL;
    int size = i2d_X509(X509_STORE_CTX_get0_cert(shown), &der), code = -ENOMEM;
    if (size > 0)
        code = olos_verify_cert(der, (size_t)size, OLOS_ALLOW_SIMULATED, judge, wanted);
    OPENSSL_free(der);
    if (code && code != -EACCES)
        fprintf(stderr, "peer: refused: the certificate: %s\n", strerror(-code));
    X509_STORE_CTX_set_error(shown, code ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK);
    return code == 0;
}

/* TLS 1.3, both sides show the certificate of this start, and no session is resumed: it would show none. */
static SSL_CTX *context_for(struct wanted *wanted)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
        SSL_CTX_use_certificate_file(context, "/run/olos/cert.pem", SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, "/run/olos/key.pem", SSL_FILETYPE_PEM) != 1)
        fail("credentials");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, wanted);
    return context;
}

/* Say a word, hear one. The word of the other is taken for text, and shown. */
static int talk(SSL *tls, const char *word)
{
    char heard[ROOM + 1] = "";
    if (SSL_write(tls, word, (int)strlen(word)) <= 0 || SSL_read(tls, heard, ROOM) <= 0)
        return -1;
    printf("product %d, security version %d says: %s\n", other.product_id, other.security_version, heard);
    return fflush(stdout);
}

/* Who is slow is not waited for. */
static SSL *connection(SSL_CTX *context, int peer)
{
    const struct timeval limit = {.tv_sec = 20};
    SSL *tls = SSL_new(context);
    if (!tls || SSL_set_fd(tls, peer) != 1 || setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit))
        fail("connection");
    return tls;
}

static int serve(SSL_CTX *context)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (const struct sockaddr *)&address, sizeof address) || listen(server, 8))
        fail("listen");
    puts("ready");
    fflush(stdout);
    for (int peer; (peer = accept(server, NULL, NULL)) >= 0; close(peer)) {
        SSL *tls = connection(context, peer);
        if (SSL_accept(tls) == 1 && talk(tls, "welcome") == 0)
            SSL_shutdown(tls);
        SSL_free(tls);
    }
    fail("accept");
    return 1;
}

static int call(SSL_CTX *context)
{
    const char *port = getenv("SERVER_PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(HOST)};
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)atoi(port ? port : "4433"));
    if (connect(peer, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    SSL *tls = connection(context, peer);
    if (SSL_connect(tls) == 1 && talk(tls, "hello") == 0)
        return 0;
    fputs("peer: the connection was refused\n", stderr);
    return 1;
}

static void read_signer(uint8_t signer[32])
{
    FILE *file = fopen("/etc/signer", "r");
    for (int i = 0; i < 32; i++)
        if (!file || fscanf(file, "%2hhx", &signer[i]) != 1)
            fail("/etc/signer");
    fclose(file);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* who was refused finds the connection closed */
    struct wanted wanted = {0};
    if (argc != 4)
        return 2;
    read_signer(wanted.signer);
    wanted.product_id = (uint16_t)atoi(argv[2]);
    wanted.version = (uint16_t)atoi(argv[3]);
    SSL_CTX *context = context_for(&wanted);
    return strcmp(argv[1], "serve") == 0 ? serve(context) : call(context);
}
