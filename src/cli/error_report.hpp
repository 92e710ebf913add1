// error_report: how a failure reads on standard error, and the exit status it means.
//
//     layerbox: error: importing 'a.tar': layer 2/4: the gzip stream ends early
//     hint: copy the archive again
//
// Every failure is reported once, here. Bytes from archives, root file systems and users are made
// printable, so that nobody's file name moves the terminal's cursor.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace layerbox {

// The command line is wrong: exit status 2. All other Errors mean that the operation failed.
class UsageError : public Error {
 public:
  explicit UsageError(std::string message, std::string hint = {})
      : Error(ErrorKind::invalid_argument, std::move(message)) {
    set_hint(std::move(hint));
  }
};

// The report's lines, each with its newline; without a "hint: " line when there is no hint.
std::string error_report(std::string_view message, std::string_view hint);

// What helps against an errno wherever it comes from; "" when it depends. For errors that bring no
// hint of their own.
std::string_view usual_hint(int error_number) noexcept;

// Writes the report to standard error. Never throws.
void print_error(const Error& error) noexcept;
void print_error(std::string_view message, std::string_view hint) noexcept;
// What `work` returns; else its failure is reported, and the exit status is 2 for a UsageError and
// `status_of_failure` for all others.
int guarded(int status_of_failure, const std::function<int()>& work) noexcept;
// "layerbox: MESSAGE": what became of a command, which is no failure of layerbox's. Never throws.
void print_note(std::string_view message) noexcept;

} // namespace layerbox
