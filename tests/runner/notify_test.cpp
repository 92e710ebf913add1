// What a command says to the service manager: which of it is passed on, and that it arrives.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/temp.hpp"
#include "runner/notify_message.hpp"
#include "runner/notify_relay.hpp"

namespace layerbox {
namespace {

using ::testing::HasSubstr;

TEST(NotifyMessage, PassesOnWhatIsHarmless) {
  EXPECT_EQ(passed_on("READY=1"), "READY=1");
  EXPECT_EQ(passed_on("READY=1\nSTATUS=Listening on 80\n"), "READY=1\nSTATUS=Listening on 80");
  EXPECT_EQ(passed_on("RELOADING=1\nMONOTONIC_USEC=123"), "RELOADING=1\nMONOTONIC_USEC=123");
  EXPECT_EQ(passed_on("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=1\nSTOPPING=1\nERRNO=2\nX_OWN=a=b"),
            "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=1\nSTOPPING=1\nERRNO=2\nX_OWN=a=b");
}

TEST(NotifyMessage, KeepsWhatMeansSomethingElseOutside) {
  for (const char* line : {"MAINPID=1", "MAINPIDFDID=1", "MAINPIDFD=1", "FDSTORE=1", "FDNAME=x",
                           "FDSTOREREMOVE=1", "FDPOLL=0", "BARRIER=1", "NOTIFYACCESS=all",
                           "SOMETHING_NEW=1", "ready=1", " READY=1", "READY", "=1", ""})
    EXPECT_EQ(passed_on(line), "") << line;
  EXPECT_EQ(passed_on("MAINPID=1\nREADY=1\nFDSTORE=1"), "READY=1");
}

TEST(NotifyMessage, EscapesWhatWouldMoveATerminal) {
  EXPECT_EQ(passed_on("STATUS=\x1b[2Jclean\r"), "STATUS=\\x1b[2Jclean\\x0d");
  EXPECT_EQ(passed_on(std::string_view("STATUS=a\0MAINPID=1", 18)), "STATUS=a\\x00MAINPID=1");
  EXPECT_EQ(passed_on("STATUS=gr\xc3\xbcn \xff"), "STATUS=gr\xc3\xbcn \\xff");
}

TEST(NotifyMessage, NeverGrowsPastWhatAServiceManagerTakes) {
  EXPECT_EQ(passed_on("STATUS=" + std::string(2000, '\x01') + "\nREADY=1"), "READY=1");
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += "READY=1\n";
  EXPECT_LE(passed_on(many + many).size(), kMaxNotifyBytes);
}

TEST(NotifyAddress, IsAPathOrAnAbstractName) {
  const NotifyAddress path = parse_notify_address("/run/systemd/notify");
  EXPECT_STREQ(path.address.sun_path, "/run/systemd/notify");
  EXPECT_EQ(path.bytes, offsetof(struct sockaddr_un, sun_path) + 20);
  const NotifyAddress name = parse_notify_address("@manager");
  EXPECT_EQ(std::string(name.address.sun_path, 8), std::string("\0manager", 8));
  EXPECT_EQ(name.bytes, offsetof(struct sockaddr_un, sun_path) + 8);
}

TEST(NotifyAddress, SaysWhatItCannotReach) {
  for (const std::string& text : {std::string("vsock:2:9999"), std::string("run/notify"),
                                  std::string("@"), std::string("/"), std::string(200, '/')}) {
    try {
      (void)parse_notify_address(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("NOTIFY_SOCKET"));
      EXPECT_THAT(error.hint(), HasSubstr("--sdnotify ignore"));
    }
  }
}

// A service manager, and the container's end of the socket.
class NotifyRelayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    manager = bound("manager");
    inside = bound("inside");
  }
  std::string at(const char* name) const { return temp.path() + "/" + name; }
  UniqueFd bound(const char* name) const {
    UniqueFd socket = make_notify_socket();
    const NotifyAddress where = parse_notify_address(at(name));
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where.address), where.bytes),
              0);
    return socket;
  }
  void say(std::string_view message, int fd = -1) const {
    const UniqueFd out = make_notify_socket();
    NotifyAddress where = parse_notify_address(at("inside"));
    struct iovec payload = {const_cast<char*>(message.data()), message.size()};
    alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    struct msghdr whole {};
    whole.msg_name = &where.address;
    whole.msg_namelen = where.bytes;
    whole.msg_iov = &payload;
    whole.msg_iovlen = 1;
    if (fd >= 0) {
      whole.msg_control = control.data();
      whole.msg_controllen = control.size();
      struct cmsghdr* header = CMSG_FIRSTHDR(&whole);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ASSERT_GE(::sendmsg(out.get(), &whole, 0), 0);
  }
  std::string heard() const {
    std::array<char, 8192> message{};
    const ssize_t got = ::recv(manager.get(), message.data(), message.size(), 0);
    return {message.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  bool hears_more() const {
    struct pollfd ready = {manager.get(), POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
  }
  NotifyAddress address() const { return parse_notify_address(at("manager")); }

  TempDir temp;
  UniqueFd manager, inside;
};

TEST_F(NotifyRelayTest, PassesMessagesOnInTheirOrder) {
  NotifyRelay relay(std::move(inside), address());
  say("READY=1\nMAINPID=1");
  say("MAINPID=7");
  say("STATUS=busy");
  EXPECT_EQ(heard(), "READY=1");
  EXPECT_EQ(heard(), "STATUS=busy");
  EXPECT_EQ(relay.finish(), "");
  EXPECT_FALSE(hears_more());
}

TEST_F(NotifyRelayTest, BringsOutWhatWasSaidLast) {
  say("STOPPING=1"); // and then it ended
  NotifyRelay relay(std::move(inside), address());
  EXPECT_EQ(relay.finish(), "");
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(NotifyRelayTest, DropsMessagesThatAreTooLong) {
  NotifyRelay relay(std::move(inside), address());
  say("READY=1\nSTATUS=" + std::string(kMaxNotifyBytes, 'x'));
  say("STATUS=" + std::string(kMaxNotifyBytes - 8, 'x'));
  EXPECT_EQ(heard().size(), kMaxNotifyBytes - 1);
  EXPECT_EQ(relay.finish(), "");
  EXPECT_FALSE(hears_more());
}

TEST_F(NotifyRelayTest, LetsGoOfDescriptorsThatComeWithAMessage) {
  NotifyRelay relay(std::move(inside), address());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  {
    const UniqueFd writer(ends[1]);
    say("BARRIER=1", writer.get());
  }
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0); // only when nobody has the other end
  EXPECT_EQ(relay.finish(), "");
  EXPECT_FALSE(hears_more());
}

TEST_F(NotifyRelayTest, SaysWhyTheManagerWasNotReached) {
  manager.reset();
  NotifyRelay relay(std::move(inside), address());
  say("READY=1");
  EXPECT_THAT(relay.finish(), HasSubstr("refused"));
}

TEST_F(NotifyRelayTest, FindsAManagerThatHasStartedAnew) {
  NotifyRelay relay(std::move(inside), address());
  say("STATUS=one");
  EXPECT_EQ(heard(), "STATUS=one");
  ASSERT_EQ(::unlink(at("manager").c_str()), 0);
  manager = bound("manager");
  say("STATUS=two");
  EXPECT_EQ(heard(), "STATUS=two");
}

// The queue of a socket holds a few messages (net.unix.max_dgram_qlen): more than they are waits in
// the container.
TEST_F(NotifyRelayTest, HoldsAContainerThatSaysTooMuchBack) {
  NotifyRelay relay(std::move(inside), address());
  const UniqueFd out = make_notify_socket();
  const NotifyAddress where = parse_notify_address(at("inside"));
  ASSERT_EQ(::connect(out.get(), reinterpret_cast<const sockaddr*>(&where.address), where.bytes),
            0);
  int said = 0;
  while (said < 100'000 && ::send(out.get(), "STATUS=x", 8, MSG_DONTWAIT) == 8)
    ++said;
  EXPECT_LT(said, 100'000);
  (void)relay.finish();
}

} // namespace
} // namespace layerbox
