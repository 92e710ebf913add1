// error: the one way in which layerbox reports failure.
//
// An Error says what failed, on which object, and why. The file that makes a system call throws it
// with the kernel's reason; each caller that knows the purpose adds it on the way out; `main`
// prints the whole once, with at most one hint:
//
//     with_context([&] { return fmt::format("importing layer {}", diff_id); }, [&] { unpack(); });
//     // layerbox: error: importing layer sha256:ab..: open 'usr/bin': Permission denied
//
// Library code prints nothing and never throws anything else on purpose.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace layerbox {

// What a caller may want to do about a failure; the text is for people, the kind is for code.
enum class ErrorKind : std::uint8_t {
  invalid_argument, // the user or caller asked for something that has no meaning
  not_found,        // a named object is not there
  already_exists,   // a name or path is taken
  in_use,           // something alive holds the object
  corrupt,          // input or stored bytes are not what they claim to be
  limit_exceeded,   // a named limit was passed
  unsupported,      // this machine, kernel or file system cannot do it
  permission_denied,
  interrupted, // a signal asked us to stop
  system,      // any other refusal of the kernel
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, int error_number = 0);

  // The whole story on one line, outermost purpose first.
  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }
  // The errno that the kernel gave, or 0 when the failure is not the kernel's.
  int error_number() const noexcept { return error_number_; }
  // What the user can do about it; empty when there is nothing to say.
  const std::string& hint() const noexcept { return hint_; }

  // Puts "CONTEXT: " in front of the message. Returns *this, so that `throw` can follow.
  Error& add_context(std::string_view context);
  // Sets the hint unless a hint from nearer the failure is there already.
  Error& set_hint(std::string hint);

 private:
  ErrorKind kind_;
  int error_number_;
  std::string message_;
  std::string hint_;
};

// Maps errno to a kind: ENOENT → not_found, EEXIST → already_exists, EACCES and EPERM →
// permission_denied, EBUSY → in_use, EOPNOTSUPP, ENOSYS → unsupported, EINTR → interrupted, all
// others → system.
ErrorKind kind_of_errno(int error_number) noexcept;

// Whether the machine lacked something (memory, descriptors, room), or a signal came: it says
// nothing of the object that was asked for. Threads: any.
bool is_shortage(const Error& error) noexcept;

// The kernel's words for an errno ("No such file or directory"). Threads: any.
std::string errno_text(int error_number);

// Throws Error(kind_of_errno(e), "WHAT: TEXT", e).
[[noreturn]] void throw_errno(int error_number, std::string_view what);

// Runs `body`; an Error that leaves it gains the context that `describe()` returns. The description
// is only made when it is needed.
template <typename Describe, typename Body>
decltype(auto) with_context(Describe&& describe, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.add_context(describe());
    throw;
  }
}

} // namespace layerbox
