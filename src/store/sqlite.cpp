#include "store/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

// Waits 1, 2, 4 … 100 ms. SQLite calls it again while the database is busy; 0 gives up.
int wait_for_turn(void*, int calls) {
  constexpr int kLongestMs = 100;
  constexpr int kGrowingCalls = 7; // 1 + 2 + … + 64 ms
  constexpr int kMaxCalls = kGrowingCalls + Sqlite::kBusyLimitMs / kLongestMs;
  if (calls >= kMaxCalls) return 0;
  const long ms = calls < kGrowingCalls ? 1L << calls : kLongestMs;
  const timespec pause{0, ms * 1'000'000};
  ::nanosleep(&pause, nullptr);
  return 1;
}

ErrorKind kind_of(int code) {
  switch (code & 0xFF) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return ErrorKind::in_use;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return ErrorKind::corrupt;
  case SQLITE_CONSTRAINT:
    return ErrorKind::already_exists;
  case SQLITE_PERM:
  case SQLITE_READONLY:
  case SQLITE_AUTH:
    return ErrorKind::permission_denied;
  default:
    return ErrorKind::system;
  }
}

std::string reason_of(int code, int error_number) {
  switch (code & 0xFF) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "another process has been writing to it for minutes";
  case SQLITE_NOTADB:
    return "the file is not a database";
  default:
    break;
  }
  std::string reason = ::sqlite3_errstr(code);
  if (error_number != 0) reason += " (" + errno_text(error_number) + ')';
  return reason;
}

std::string hint_of(int code) {
  switch (code & 0xFF) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "a stopped layerbox may hold it; look for one and let it end";
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return "'layerbox fsck --repair' makes it anew from what lies beside it";
  default:
    return {};
  }
}

// SQLite tries again, for reading only, where it could not make a file beside the database, and
// keeps the second errno: a disk without room looks like a file that is not there.
int why_no_file_beside(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  return file ? ENOENT : errno;
}

[[noreturn]] void throw_sqlite(sqlite3* db, const std::string& path, int code) {
  // The errno that SQLite met belongs to I/O failures only; for others it is a leftover.
  const int low = code & 0xFF;
  const bool io = low == SQLITE_IOERR || low == SQLITE_CANTOPEN;
  int error_number = io && db != nullptr ? ::sqlite3_system_errno(db) : 0;
  if (low == SQLITE_CANTOPEN && error_number == ENOENT) error_number = why_no_file_beside(path);
  if (low == SQLITE_FULL) error_number = ENOSPC;
  Error error(kind_of(code), "database '" + printable(path) + "': " + reason_of(code, error_number),
              error_number);
  if (std::string hint = hint_of(code); !hint.empty()) error.set_hint(std::move(hint));
  throw error;
}

// Asks the open file, as opening it again would lose the locks. Source:
// sqlite.org/fileformat2.html, "File format version numbers".
bool has_log(sqlite3* db) {
  constexpr int kPlace = 18;
  constexpr std::array<unsigned char, 2> kLog{2, 2};
  std::array<unsigned char, 2> versions{};
  sqlite3_file* file = nullptr;
  return ::sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
         file != nullptr && file->pMethods != nullptr &&
         file->pMethods->xRead(file, versions.data(), versions.size(), kPlace) == SQLITE_OK &&
         versions == kLog;
}

[[noreturn]] void throw_missing(const std::string& path) {
  Error error(ErrorKind::corrupt, "database '" + printable(path) + "': it is missing");
  error.set_hint(hint_of(SQLITE_CORRUPT));
  throw error;
}

} // namespace

Sqlite::Sqlite(const std::string& path, MissingDatabase missing) : path_(path) {
  const int create = missing == MissingDatabase::make ? SQLITE_OPEN_CREATE : 0;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create;
  if (const int code = ::sqlite3_open_v2(path.c_str(), &db_, flags, nullptr); code != SQLITE_OK) {
    sqlite3* db = std::exchange(db_, nullptr);
    const bool absent = db != nullptr && ::sqlite3_system_errno(db) == ENOENT;
    try {
      if (absent && create == 0) throw_missing(path);
      throw_sqlite(db, path, code);
    } catch (...) {
      ::sqlite3_close_v2(db);
      throw;
    }
  }
  ::sqlite3_extended_result_codes(db_, 1);
  ::sqlite3_busy_handler(db_, wait_for_turn, nullptr);
  ::sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  ::sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  run("PRAGMA temp_store = MEMORY"); // nothing of the store's in /tmp; the database is not read yet
}

Sqlite::~Sqlite() {
  ::sqlite3_close_v2(db_);
}

void Sqlite::fail(int code) const {
  throw_sqlite(db_, path_, code);
}

// Who has a database for himself keeps the log's index in his own memory, and maps nothing.
void Sqlite::leave_log() noexcept {
  if (!has_log(db_)) return;
  sqlite3* db = nullptr;
  if (::sqlite3_open_v2(path_.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) ==
      SQLITE_OK)
    ::sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE", nullptr,
                   nullptr, nullptr);
  ::sqlite3_close_v2(db);
}

void Sqlite::run(const char* statements) {
  const int code = ::sqlite3_exec(db_, statements, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Sqlite::number(const char* statement) {
  Statement query(*this, statement);
  return query.next() ? query.integer(0) : 0;
}

std::int64_t Sqlite::changes() const {
  return ::sqlite3_changes64(db_);
}

void Sqlite::prepare_to_write() {
  if (writes_) return;
  // FULL syncs journal and database at every commit: what publish returned from survives a power
  // cut. With PERSIST a commit is a journal whose beginning is zeros: there is no name that could
  // come back, and the journal of the next has its room already.
  run("PRAGMA synchronous = FULL");
  if (!has_log(db_)) run("PRAGMA journal_mode = PERSIST; PRAGMA journal_size_limit = 65536");
  writes_ = true;
}

Statement::Statement(const Sqlite& db, std::string_view text) : db_(db) {
  const int code = ::sqlite3_prepare_v2(db.handle(), text.data(), static_cast<int>(text.size()),
                                        &statement_, nullptr);
  if (code != SQLITE_OK) db.fail(code);
}

Statement::~Statement() {
  ::sqlite3_finalize(statement_);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  if (const int code = ::sqlite3_bind_int64(statement_, parameter, value); code != SQLITE_OK)
    db_.fail(code);
  return *this;
}

Statement& Statement::bind(int parameter, std::uint64_t value) {
  return bind(parameter, static_cast<std::int64_t>(value));
}

Statement& Statement::bind(int parameter, std::string_view value) {
  const int code = ::sqlite3_bind_text64(statement_, parameter, value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) db_.fail(code);
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  if (const int code = ::sqlite3_bind_null(statement_, parameter); code != SQLITE_OK)
    db_.fail(code);
  return *this;
}

bool Statement::next() {
  const int code = ::sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code);
  return false;
}

void Statement::run() {
  next();
  reset();
}

void Statement::reset() {
  ::sqlite3_reset(statement_);
}

std::int64_t Statement::integer(int column) const {
  return ::sqlite3_column_int64(statement_, column);
}

std::uint64_t Statement::size(int column) const {
  return static_cast<std::uint64_t>(integer(column));
}

std::string Statement::text(int column) const {
  const unsigned char* bytes = ::sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  const auto length = static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column));
  return {reinterpret_cast<const char*>(bytes), length};
}

bool Statement::is_null(int column) const {
  return ::sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Transaction::Transaction(Sqlite& db, TransactionKind kind) : db_(db) {
  if (kind == TransactionKind::write) db_.prepare_to_write();
  db_.run(kind == TransactionKind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  // A failed rollback leaves nothing to do: closing the connection rolls back as well.
  if (open_) ::sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  db_.run("COMMIT");
  open_ = false;
}

} // namespace layerbox
