// verb: one command of layerbox. It declares what it accepts and does its work; a new verb is one
// file with one class, and one line in the table of verbs.cpp.
#pragma once

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"
#include "cli/invocation.hpp"

namespace layerbox {

class Verb {
 public:
  Verb() = default;
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;
  virtual ~Verb() = default;

  // Declares options, operands, examples. The variables they set are members of the verb.
  virtual void declare(CommandLine& line) = 0;
  // Does the work with what was parsed and returns the exit status. Throws Error.
  virtual int run(Invocation& invocation) = 0;
  // The exit status when run() throws.
  virtual int status_of_failure() const { return exit_code::kFailed; }
};

} // namespace layerbox
