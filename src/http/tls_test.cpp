// Client certificates: which are let through the handshake, and what a request says of them.
#include "http/tls.h"

#include <gtest/gtest.h>

#include <ctime>
#include <mutex>

#include "base/file.h"
#include "base/hash.h"
#include "base/temporary_folder_testing.h"
#include "http/certificates_testing.h"
#include "http/self_signed.h"
#include "http/server.h"

namespace freehold::http {
namespace {

using testing::TestCertificate;
using testing::tls_exchange;
using testing::tls_exchange_as;
using testing::Wanted;

constexpr std::string_view kAsk = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

class ClientCertificate : public ::testing::Test {
 protected:
  ClientCertificate() {
    const auto own = make_self_signed({});
    write("server.crt", own->certificate_pem);
    write("server.key", own->private_key_pem);
    write("ca.pem", authority_.pem());
  }
  void write(const char* name, std::string_view text) {
    EXPECT_TRUE(write_file_atomically(folder_.path() / name, text));
  }
  TlsFiles files(ClientCertificates clients, const char* authorities = "ca.pem") const {
    return {folder_.path() / "server.crt", folder_.path() / "server.key",
            *authorities == '\0' ? std::string() : (folder_.path() / authorities).string(), clients};
  }
  std::unique_ptr<Server> serve(ClientCertificates clients) {
    ServerOptions options;
    options.tls = files(clients);
    Hooks hooks;
    hooks.handle = [this](const std::shared_ptr<Exchange>& e) {
      {
        const std::lock_guard lock(mutex_);
        seen_ = e->request().certificate;
      }
      e->respond({200, {}, e->request().certificate ? "with" : "without"});
    };
    auto server = Server::create(std::move(options), std::move(hooks));
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    (*server)->start();
    return std::move(*server);
  }
  static bool ends_with(const std::string& answer, std::string_view text) {
    return answer.find("HTTP/1.1 200") == 0 && answer.ends_with(text);
  }

  TemporaryFolder folder_;
  const TestCertificate authority_{Wanted{.name = "our authority", .authority = true}};
  std::mutex mutex_;
  std::shared_ptr<const PeerCertificate> seen_;
};

TEST_F(ClientCertificate, IsReadAsItIs) {
  auto server = serve(ClientCertificates::optional);
  const TestCertificate ward({.name = "Wärd 3",
                              .names = {{GEN_DNS, "Ward3.Clinic.example"},
                                        {GEN_EMAIL, "ward3@clinic.example"},
                                        {GEN_URI, "spiffe://clinic/ward3"},
                                        {GEN_DNS, std::string("admin.clinic.example\0.evil.example", 34)}}},
                             &authority_);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_TRUE(ends_with(tls_exchange_as(server->port(), kAsk, ward, version), "with")) << version;
    const std::lock_guard lock(mutex_);
    ASSERT_TRUE(seen_);
    EXPECT_EQ(seen_->common_name, "Wärd 3");
    EXPECT_EQ(seen_->dns, std::vector<std::string>{"ward3.clinic.example"}) << "one with a NUL is no name";
    EXPECT_EQ(seen_->email, std::vector<std::string>{"ward3@clinic.example"});
    EXPECT_EQ(seen_->uri, std::vector<std::string>{"spiffe://clinic/ward3"});
    EXPECT_NEAR(static_cast<double>(seen_->not_after - std::time(nullptr)), 30.0 * 86400, 100);
    unsigned char* der = nullptr;
    const int size = i2d_X509(ward.x509(), &der);
    EXPECT_EQ(seen_->sha256, sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size)))).hex());
    OPENSSL_free(der);
    seen_.reset();
  }
}

TEST_F(ClientCertificate, WhoHasNoneGoesOnWithoutUnlessOneIsRequired) {
  EXPECT_TRUE(ends_with(tls_exchange(serve(ClientCertificates::optional)->port(), kAsk), "without"));
  auto strict = serve(ClientCertificates::required);
  EXPECT_EQ(tls_exchange(strict->port(), kAsk), "");
  EXPECT_TRUE(ends_with(tls_exchange_as(strict->port(), kAsk, TestCertificate({}, &authority_)), "with"));
  // A server that does not ask gets none.
  const TestCertificate any({}, &authority_);
  EXPECT_TRUE(ends_with(tls_exchange_as(serve(ClientCertificates::none)->port(), kAsk, any), "without"));
}

TEST_F(ClientCertificate, OneThatIsNotRightEndsTheHandshake) {
  const TestCertificate other({.name = "our authority", .authority = true});
  const TestCertificate leaf({.name = "leaf"}, &authority_);
  const std::pair<const char*, TestCertificate> wrong[] = {
      {"of another authority of the same name", TestCertificate({}, &other)},
      {"signed by itself", TestCertificate({})},
      {"signed by a certificate that is no authority", TestCertificate({}, &leaf)},
      {"expired", TestCertificate({.from_days = -10, .until_days = -1}, &authority_)},
      {"not valid yet", TestCertificate({.from_days = 1}, &authority_)},
      {"of a server", TestCertificate({.use = "serverAuth"}, &authority_)},
  };
  for (const auto clients : {ClientCertificates::optional, ClientCertificates::required}) {
    auto server = serve(clients);
    for (const auto& [what, certificate] : wrong) {
      EXPECT_EQ(tls_exchange_as(server->port(), kAsk, certificate), "") << what;
      EXPECT_EQ(tls_exchange_as(server->port(), kAsk, certificate, TLS1_2_VERSION), "") << what;
    }
  }
}

TEST_F(ClientCertificate, AuthoritiesThatCannotBeReadStartNothing) {
  write("bad.pem", "nonsense");
  EXPECT_EQ(tls_context(files(ClientCertificates::optional, "")).error().code, Errc::invalid);
  for (const char* name : {"bad.pem", "none.pem"}) {
    const auto context = tls_context(files(ClientCertificates::required, name));
    ASSERT_FALSE(context);
    EXPECT_NE(context.error().what.find(name), std::string::npos);
  }
  EXPECT_TRUE(tls_context(files(ClientCertificates::required)));
}

}  // namespace
}  // namespace freehold::http
