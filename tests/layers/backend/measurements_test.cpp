// What bench has measured, as a file: what is read of it, and what of it is not believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "layers/backend/measurements.hpp"
#include "tests/layers/backend/temporary_store.hpp"

namespace layerbox::test {

namespace {

using ::testing::HasSubstr;

Measurements example() {
  return {"6.1.0-13-amd64",
          0xef53,
          1'795'876'000,
          sha256("image"),
          {{"overlay", 12'345}, {"copy", 512'000}}};
}

const std::string kHead = "layerbox measured 1\nkernel 6.1\nfilesystem ef53\ndate 5\nimage " +
                          std::string(64, 'a') + "\n";

TEST(Measurements, AreReadAsTheyWereWritten) {
  EXPECT_EQ(parse_measurements(measurements_text(example())), example());
}

TEST(Measurements, OfBackendsThatThisProgramLacksAreRead) {
  const auto measured = parse_measurements(kHead + "zfs 1\ncopy 2\n");
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->of("copy"), 2U);
  EXPECT_EQ(measured->of("overlay"), std::nullopt);
}

TEST(Measurements, AnythingElseIsNotRead) {
  const std::string good = kHead + "copy 2\n";
  ASSERT_TRUE(parse_measurements(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse_measurements(good.substr(0, size))) << size;
  for (const char* line :
       {"copy 3", "copy", "copy ", " copy 3", "overlay -1", "overlay 1 2", "overlay 1x",
        "overlay 0x10", "overlay 99999999999999999999", "over\x1blay 1", "../x 1", ""})
    EXPECT_FALSE(parse_measurements(good + line + "\n")) << line;
  EXPECT_FALSE(parse_measurements(good + std::string(1, '\0')));
  EXPECT_FALSE(parse_measurements(kHead)) << "nothing was measured";
}

TEST(Measurements, HeadersAreExact) {
  const auto with = [](const std::string& what, const std::string& other) {
    std::string text = kHead + "copy 2\n";
    return text.replace(text.find(what), what.size(), other);
  };
  EXPECT_TRUE(parse_measurements(with("kernel 6.1", "kernel any words at all")));
  for (const auto& [what, other] : std::vector<std::pair<std::string, std::string>>{
           {"measured 1", "measured 2"},
           {"kernel 6.1", "kernel "},
           {"kernel 6.1", "kernel6.1"},
           {"ef53", "xyz"},
           {"ef53", "-1"},
           {"date 5", "date -5"},
           {"date 5", "date 999999999999999"},
           {std::string(64, 'a'), std::string(63, 'a')},
           {std::string(64, 'a'), std::string(64, 'A')},
           {"date 5\n", ""}})
    EXPECT_FALSE(parse_measurements(with(what, other))) << other;
}

TEST(Measurements, AreNoLongerThanTheirLimit) {
  std::string text = kHead;
  for (int i = 0; i < 40; ++i)
    text += "b" + std::to_string(i) + " 1\n";
  EXPECT_FALSE(parse_measurements(text)) << "more backends than there can be";
  EXPECT_FALSE(parse_measurements(kHead + "copy 2\n" + std::string(kMaxMeasurementsBytes, '\n')));
}

class MeasuredStore : public ::testing::Test {
 protected:
  Store& store() { return temporary_.store(); }
  std::string path() { return store().path() + "/derived/measured"; }
  Measurements here(std::vector<MeasuredBackend> times) {
    Measurements measured = measurements_from_here(store());
    measured.backends = std::move(times);
    return measured;
  }
  void write(const Measurements& measured) {
    write_measurements(store(), store().new_staging(), measured);
  }
  std::string ignored() {
    const Evidence evidence = read_measurements(store());
    EXPECT_FALSE(evidence.measured);
    return evidence.ignored;
  }
  std::string chosen() { return std::string(choose_backend("auto", store(), Remember::no).name); }

  TemporaryStore temporary_;
};

TEST_F(MeasuredStore, HasNoneAtFirst) {
  EXPECT_EQ(ignored(), "");
}

TEST_F(MeasuredStore, GivesBackTheLastThatWereWritten) {
  write(here({{"copy", 1}}));
  write(here({{"copy", 2}}));
  const Evidence evidence = read_measurements(store());
  ASSERT_TRUE(evidence.measured);
  EXPECT_EQ(*evidence.measured, here({{"copy", 2}}));
  EXPECT_EQ(evidence.ignored, "");
}

TEST_F(MeasuredStore, IgnoresThoseOfAnotherMachineAndSaysSo) {
  Measurements other = here({{"copy", 1}});
  other.kernel = "2.4.0\x1b[2J";
  write(other);
  EXPECT_THAT(ignored(), HasSubstr("2.4.0\\x1b"));
  other = here({{"copy", 1}});
  ++other.file_system;
  write(other);
  EXPECT_THAT(ignored(), HasSubstr("file system"));
}

TEST_F(MeasuredStore, IgnoresWhatIsNoSuchFileAndSaysSo) {
  std::ofstream(path()) << "nonsense";
  EXPECT_THAT(ignored(), HasSubstr("damaged"));
  std::ofstream(path()) << measurements_text(here({{"copy", 1}})) << std::string(1 << 20, '\n');
  EXPECT_THAT(ignored(), HasSubstr("damaged"));
  std::filesystem::remove(path());
  std::ofstream(path() + ".good") << measurements_text(here({{"copy", 1}}));
  std::filesystem::create_symlink(path() + ".good", path());
  EXPECT_NE(ignored(), "");
  std::filesystem::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_THAT(ignored(), HasSubstr("regular"));
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  EXPECT_THAT(ignored(), HasSubstr("regular"));
}

TEST_F(MeasuredStore, HasAutoTakeTheFastestThatWorks) {
  const std::string usual = chosen();
  write(here({{"copy", 1}, {"overlay", 2}, {"zfs", 0}}));
  EXPECT_EQ(chosen(), "copy");
  write(here({{"copy", 3}, {"overlay", 2}}));
  EXPECT_EQ(chosen(),
            backend_named("overlay").probe(store(), Remember::no).works ? "overlay" : "copy");
  std::ofstream(path()) << "nonsense";
  EXPECT_EQ(chosen(), usual);
}

TEST(ByPreference, PutsTheMeasuredFirstAndKeepsTheOrderOfTheOthers) {
  const std::array<BackendEntry, 4> table{
      BackendEntry{"a", nullptr, nullptr, nullptr}, BackendEntry{"b", nullptr, nullptr, nullptr},
      BackendEntry{"c", nullptr, nullptr, nullptr}, BackendEntry{"d", nullptr, nullptr, nullptr}};
  const auto order = [&](const Evidence& evidence) {
    std::string names;
    for (const BackendEntry* entry : by_preference(table, evidence))
      names += entry->name;
    return names;
  };
  Evidence evidence;
  EXPECT_EQ(order(evidence), "abcd");
  evidence.measured = Measurements{"", 0, 0, {}, {{"c", 9}, {"d", 3}}};
  EXPECT_EQ(order(evidence), "dcab");
  evidence.measured->backends = {{"c", 3}, {"b", 3}};
  EXPECT_EQ(order(evidence), "bcad");
}

} // namespace

} // namespace layerbox::test
