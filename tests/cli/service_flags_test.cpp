#include "cli/service_flags.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/error.hpp"
#include "cli/merge_config.hpp"

namespace layerbox {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr pid_t kSelf = 4711;

ServiceManager read(const std::map<std::string, std::string>& variables) {
  return read_service_manager(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      },
      kSelf);
}

TEST(ServiceManager, IsNobodyWithoutVariables) {
  const ServiceManager manager = read({});
  EXPECT_THAT(service_environment({}, manager), IsEmpty());
  ProcessSpec process;
  apply_service(process, {}, manager);
  EXPECT_EQ(process.descriptors, 0U);
  EXPECT_FALSE(process.listening);
  EXPECT_EQ(process.notify_socket, "");
}

TEST(ServiceManager, IsToldThingsThroughASocketInside) {
  const ServiceManager manager =
      read({{"NOTIFY_SOCKET", "@manager"}, {"WATCHDOG_USEC", "5000000"}, {"WATCHDOG_PID", "4711"}});
  EXPECT_THAT(service_environment({}, manager),
              ElementsAre("NOTIFY_SOCKET=/dev/layerbox-notify", "WATCHDOG_USEC=5000000"));
  ProcessSpec process;
  apply_service(process, {}, manager);
  EXPECT_EQ(process.notify_socket, "@manager");
}

TEST(ServiceManager, IsToldNothingWhenItIsToBeIgnored) {
  const ServiceManager manager = read({{"NOTIFY_SOCKET", "@manager"}, {"WATCHDOG_USEC", "5"}});
  const ServiceFlags ignore{.sdnotify = "ignore"};
  EXPECT_THAT(service_environment(ignore, manager), IsEmpty());
  ProcessSpec process;
  apply_service(process, ignore, manager);
  EXPECT_EQ(process.notify_socket, "");
}

TEST(ServiceManager, WaitsForTheWatchdogOfTheProcessItNames) {
  EXPECT_EQ(read({{"WATCHDOG_USEC", "5"}}).watchdog_usec, "5");
  EXPECT_EQ(read({{"WATCHDOG_USEC", "5"}, {"WATCHDOG_PID", "1"}}).watchdog_usec, "");
}

TEST(ServiceManager, PassesDescriptorsToTheProcessItNames) {
  std::map<std::string, std::string> variables = {{"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "a:b"}};
  EXPECT_EQ(read(variables).listen_fds, 0U);
  variables["LISTEN_PID"] = "1";
  EXPECT_EQ(read(variables).listen_fds, 0U);
  variables["LISTEN_PID"] = "4711";
  const ServiceManager manager = read(variables);
  EXPECT_EQ(manager.listen_fds, 2U);
  EXPECT_THAT(service_environment({}, manager), ElementsAre("LISTEN_FDS=2", "LISTEN_FDNAMES=a:b"));
  ProcessSpec process;
  apply_service(process, {}, manager);
  EXPECT_EQ(process.descriptors, 2U);
  EXPECT_TRUE(process.listening);
}

TEST(ServiceManager, RefusesACountThatIsNoneOrTooLarge) {
  for (const char* text : {"x", "-1", "", "513", "99999999999999999999"})
    EXPECT_THROW((void)read({{"LISTEN_PID", "4711"}, {"LISTEN_FDS", text}}), Error) << text;
  EXPECT_EQ(read({{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "512"}}).listen_fds, 512U);
}

TEST(PassedDescriptors, AreThoseOfTheManagerAndThenThoseOfTheFlag) {
  const ServiceManager manager = read({{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "2"}});
  const ServiceFlags flags{.preserve_fds = 3};
  EXPECT_EQ(passed_descriptors(flags, {}), 3U);
  EXPECT_EQ(passed_descriptors(flags, manager), 5U);
  EXPECT_THAT(service_environment(flags, manager), Contains("LISTEN_FDS=2"));
  EXPECT_THAT(service_environment(flags, {}), IsEmpty());
  EXPECT_THROW((void)passed_descriptors({.preserve_fds = 511}, manager), Error);
  EXPECT_THROW((void)passed_descriptors({.preserve_fds = 0xffffffff}, manager), Error);
}

TEST(PassedDescriptors, MustBeOpen) {
  take_descriptors(0);
  try {
    take_descriptors(kMaxPassedDescriptors);
    FAIL() << "so many are open?";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is not open"));
  }
}

TEST(MergeConfig, LetsAFlagTakeTheServiceManagersPlace) {
  Surroundings around;
  around.container_id = std::string(64, 'c');
  around.variable = [](const std::string&) { return std::nullopt; };
  around.service_manager.notify_socket = "/run/notify";
  ImageProcess image;
  image.env = {"NOTIFY_SOCKET=/of/the/image"};
  RunFlags flags;
  flags.operands = {"debian", "sh"};
  EXPECT_THAT(merge_config(image, flags, around).process.env,
              Contains("NOTIFY_SOCKET=/dev/layerbox-notify"));
  flags.env = {"NOTIFY_SOCKET=/of/the/user"};
  EXPECT_THAT(merge_config(image, flags, around).process.env,
              Contains("NOTIFY_SOCKET=/of/the/user"));
}

} // namespace
} // namespace layerbox
