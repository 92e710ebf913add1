// sqlite: a connection, its statements and its transactions, closed by their destructors.
//
//     Sqlite db(path, MissingDatabase::make);
//     Transaction transaction(db, TransactionKind::write);
//     Statement insert(db, "INSERT INTO name VALUES (?, ?)");
//     insert.bind(1, name).bind(2, image).run();
//     transaction.commit();
//
// Errors say what SQLite said in its own general words, never the text of a statement. A database
// that others are writing to is waited for, up to kBusyLimitMs.
//
// Changes go by a rollback journal, which stays where it is: a write-ahead log has an index that
// all processes map and write to, and where the file system has no room for that they die of
// SIGBUS. Who reads writes nothing.
//
// Source: sqlite.org/c3ref, sqlite.org/lockingv3.html. Threads: one at a time. No connection may
// cross a fork; its files are close-on-exec (SQLite's default). Nobody else may open and close the
// file in this process: with that POSIX lets go of the locks on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/missing_database.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace layerbox {

class Sqlite {
 public:
  // Longest wait for another process's transaction. Transactions here take milliseconds; who waits
  // this long has met a stopped process, and is told so.
  static constexpr int kBusyLimitMs = 300'000;

  // Throws Error; kind corrupt when the file is no database, or missing and that is refused.
  Sqlite(const std::string& path, MissingDatabase missing);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  // Runs statements that give no rows. Throws Error.
  void run(const char* statements);
  // Has a database with a write-ahead log, as older versions made them, go without one. It stays as
  // it is while others have it open, or there is no room; the next who opens it tries again.
  // Requires that nothing was read or run yet.
  void leave_log() noexcept;
  // The one number that `statement` gives. Throws Error.
  std::int64_t number(const char* statement);
  // Rows that the last statement changed.
  std::int64_t changes() const;

  const std::string& path() const { return path_; }
  sqlite3* handle() const { return db_; }
  // Throws the Error of the result code `code`.
  [[noreturn]] void fail(int code) const;

 private:
  friend class Transaction;
  void prepare_to_write();
  std::string path_;
  sqlite3* db_ = nullptr;
  bool writes_ = false;
};

class Statement {
 public:
  // `text` must outlive the statement. Throws Error.
  Statement(const Sqlite& db, std::string_view text);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Parameters count from 1.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::uint64_t value); // kept as the same 64 bits
  Statement& bind(int parameter, std::string_view value);
  Statement& bind_null(int parameter);

  // Goes to the next row; false after the last. Throws Error.
  bool next();
  // Runs a statement that gives no rows, and makes it ready to be bound and run again.
  void run();
  // Ready to be bound and run again.
  void reset();

  // Columns of the present row count from 0.
  std::int64_t integer(int column) const;
  std::uint64_t size(int column) const;
  std::string text(int column) const; // "" for NULL
  bool is_null(int column) const;

 private:
  const Sqlite& db_;
  sqlite3_stmt* statement_ = nullptr;
};

// `read` sees one moment of the database through all its statements. `write` is an immediate
// transaction: it waits for its turn at the beginning and cannot fail for want of it later.
enum class TransactionKind : std::uint8_t { read, write };

class Transaction {
 public:
  Transaction(Sqlite& db, TransactionKind kind);
  ~Transaction(); // rolls back what was not committed
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  // What was written is on the disk when this returns. Throws Error.
  void commit();

 private:
  Sqlite& db_;
  bool open_ = true;
};

} // namespace layerbox
