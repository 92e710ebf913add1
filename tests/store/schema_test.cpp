#include "store/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "store/catalog.hpp"
#include "tests/store/child_process.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::array<const char*, 1> kOneStep = {
    "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"};
constexpr std::array<const char*, 3> kThreeSteps = {
    "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)", "ALTER TABLE a ADD COLUMN y INTEGER",
    "UPDATE a SET y = x + 41"};
constexpr std::array<const char*, 2> kBrokenStep = {
    "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
    "UPDATE a SET x = 2; INSERT INTO nowhere VALUES (1)"};

class SchemaTest : public ::testing::Test {
 protected:
  ScratchDir scratch_;
  std::string path() const { return scratch_ / "db"; }
};

std::string journal_mode(const Sqlite& db) {
  Statement mode(db, "PRAGMA journal_mode");
  return mode.next() ? mode.text(0) : "";
}

TEST_F(SchemaTest, BringsAnOlderDatabaseForwardWithItsRows) {
  {
    Sqlite db(path(), MissingDatabase::make);
    migrate(db, kOneStep, MissingDatabase::make);
    EXPECT_EQ(db.number("PRAGMA user_version"), 1);
  }
  Sqlite db(path(), MissingDatabase::refuse);
  migrate(db, kThreeSteps, MissingDatabase::refuse);
  EXPECT_EQ(db.number("PRAGMA user_version"), 3);
  EXPECT_EQ(db.number("SELECT y FROM a"), 42);
}

TEST_F(SchemaTest, RefusesANewerDatabaseAndLeavesItAlone) {
  {
    Sqlite db(path(), MissingDatabase::make);
    migrate(db, kThreeSteps, MissingDatabase::make);
  }
  Sqlite db(path(), MissingDatabase::refuse);
  const Error error = error_of([&] { migrate(db, kOneStep, MissingDatabase::refuse); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_THAT(error.what(), HasSubstr("version 3"));
  EXPECT_THAT(error.hint(), HasSubstr("newer layerbox"));
  EXPECT_EQ(db.number("PRAGMA user_version"), 3);
}

TEST_F(SchemaTest, UndoesAMigrationThatFailsHalfWay) {
  Sqlite db(path(), MissingDatabase::make);
  migrate(db, kOneStep, MissingDatabase::make);
  const Error error = error_of([&] { migrate(db, kBrokenStep, MissingDatabase::refuse); });
  EXPECT_THAT(error.what(), Not(HasSubstr("nowhere")))
      << "the text of a statement is not for users";
  EXPECT_EQ(db.number("PRAGMA user_version"), 1);
  EXPECT_EQ(db.number("SELECT x FROM a"), 1);
}

TEST_F(SchemaTest, IsMadeOnceByManyProcessesAtOnce) {
  std::vector<Child> children;
  Signal start;
  for (int i = 0; i < 8; ++i)
    children.emplace_back([&] {
      start.await();
      Catalog catalog(path());
      catalog.publish_image(new_image("config", {"a"}, {"a:1"}));
      return 0;
    });
  for (int i = 0; i < 8; ++i)
    start.give();
  for (Child& child : children)
    EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(Catalog(path()).images().size(), 1U);
}

TEST_F(SchemaTest, KeepsAJournalAndSyncsFullyAndChecksForeignKeys) {
  const Catalog made(path());
  Sqlite db(path(), MissingDatabase::refuse);
  EXPECT_EQ(db.number("PRAGMA foreign_keys"), 1);
  EXPECT_EQ(db.number("PRAGMA temp_store"), 2);
  Transaction transaction(db, TransactionKind::write);
  EXPECT_EQ(db.number("PRAGMA synchronous"), 2);
  EXPECT_EQ(journal_mode(db), "persist");
}

TEST_F(SchemaTest, RefusesAMissingAndAnEmptyDatabaseWhereOneMustBe) {
  const auto open = [&] { Catalog(path(), MissingDatabase::refuse); };
  const Error missing = error_of(open);
  EXPECT_EQ(missing.kind(), ErrorKind::corrupt);
  EXPECT_THAT(missing.what(), HasSubstr("missing"));
  EXPECT_FALSE(exists(path()));
  write_file(path(), "");
  EXPECT_THAT(error_of(open).what(), HasSubstr("empty"));
  EXPECT_FALSE(missing.hint().empty());
}

TEST_F(SchemaTest, SaysThatAFileIsNoDatabase) {
  write_file(path(), std::string(8192, 'x'));
  const Error error = error_of([&] { Catalog catalog(path()); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), HasSubstr("not a database"));
  EXPECT_THAT(error.what(), HasSubstr(path()));
}

TEST_F(SchemaTest, RollsBackWhatAKilledProcessHadNotCommitted) {
  { Catalog made(path()); }
  Signal in_transaction;
  Child child([&] {
    Sqlite db(path(), MissingDatabase::refuse);
    Transaction transaction(db, TransactionKind::write);
    db.run("INSERT INTO image (id, chain, size_bytes, created, os, architecture) "
           "VALUES ('0', '0', 0, '', '', '')");
    in_transaction.give();
    ::pause();
    return 0;
  });
  in_transaction.await();
  EXPECT_EQ(child.kill_and_wait(), 128 + SIGKILL);
  Catalog catalog(path());
  EXPECT_TRUE(catalog.images().empty());
  catalog.publish_image(new_image("config", {"a"}, {"a:1"}));
  EXPECT_EQ(catalog.images().size(), 1U);
}

TEST_F(SchemaTest, KeepsWhatAKilledProcessHadCommitted) {
  { Catalog made(path()); }
  Signal committed;
  Child child([&] {
    Catalog catalog(path());
    catalog.publish_image(new_image("config", {"a"}, {"a:1"}));
    committed.give();
    ::pause();
    return 0;
  });
  committed.await();
  EXPECT_EQ(child.kill_and_wait(), 128 + SIGKILL);
  EXPECT_TRUE(Catalog(path()).image(sha256(std::string_view("config"))));
}

TEST_F(SchemaTest, WaitsForAWriterInsteadOfFailing) {
  { Catalog made(path()); }
  Signal in_transaction;
  Signal let_go;
  Child child([&] {
    Sqlite db(path(), MissingDatabase::refuse);
    Transaction transaction(db, TransactionKind::write);
    in_transaction.give();
    let_go.await();
    transaction.commit();
    return 0;
  });
  in_transaction.await();
  Child waiter([&] {
    Catalog(path()).publish_image(new_image("config", {}, {"a:1"}));
    return 0;
  });
  EXPECT_TRUE(Catalog(path()).images().empty()) << "readers do not wait for a writer";
  let_go.give();
  EXPECT_EQ(waiter.wait(), 0);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(Catalog(path()).images().size(), 1U);
}

TEST_F(SchemaTest, HasNoFileThatProcessesWouldMap) {
  Catalog catalog(path());
  catalog.publish_image(new_image("config", {}, {"a:1"}));
  EXPECT_EQ(catalog.images().size(), 1U);
  EXPECT_FALSE(exists(path() + "-shm"));
  EXPECT_FALSE(exists(path() + "-wal"));
}

class OlderDatabase : public SchemaTest {
 protected:
  OlderDatabase() {
    { Catalog(path()).publish_image(new_image("before", {}, {"a:1"})); }
    Sqlite db(path(), MissingDatabase::refuse);
    db.run("PRAGMA journal_mode = WAL");
  }
};

TEST_F(OlderDatabase, IsReadAndHasNoLogFromThenOn) {
  EXPECT_EQ(Catalog(path()).images().size(), 1U);
  Sqlite db(path(), MissingDatabase::refuse);
  EXPECT_EQ(journal_mode(db), "delete");
  EXPECT_FALSE(exists(path() + "-wal"));
  EXPECT_FALSE(exists(path() + "-shm"));
}

TEST_F(OlderDatabase, KeepsWhatAKilledProcessLeftInItsLog) {
  Signal committed;
  Child child([&] {
    Sqlite db(path(), MissingDatabase::refuse);
    db.run("DELETE FROM name");
    committed.give();
    ::pause();
    return 0;
  });
  committed.await();
  EXPECT_EQ(child.kill_and_wait(), 128 + SIGKILL);
  ASSERT_TRUE(exists(path() + "-wal"));
  const std::vector<ImageRow> images = Catalog(path()).images();
  ASSERT_EQ(images.size(), 1U);
  EXPECT_TRUE(images[0].names.empty());
  EXPECT_FALSE(exists(path() + "-wal"));
}

TEST_F(OlderDatabase, KeepsItsLogWhileAnOlderProcessHasItOpen) {
  Signal opened;
  Signal let_go;
  Child child([&] {
    Sqlite db(path(), MissingDatabase::refuse);
    db.number("SELECT count(*) FROM image");
    opened.give();
    let_go.await();
    return db.number("SELECT count(*) FROM image") == 2 ? 0 : 1;
  });
  opened.await();
  { Catalog(path()).publish_image(new_image("meanwhile", {}, {"b:1"})); }
  EXPECT_TRUE(exists(path() + "-wal"));
  let_go.give();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(Catalog(path()).images().size(), 2U);
  EXPECT_FALSE(exists(path() + "-wal"));
}

} // namespace
} // namespace layerbox::test
