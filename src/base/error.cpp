#include "base/error.hpp"

#include <cerrno>
#include <cstring>

namespace layerbox {

Error::Error(ErrorKind kind, std::string message, int error_number)
    : kind_(kind), error_number_(error_number), message_(std::move(message)) {}

Error& Error::add_context(std::string_view context) {
  message_.insert(0, ": ");
  message_.insert(0, context);
  return *this;
}

Error& Error::set_hint(std::string hint) {
  if (hint_.empty()) hint_ = std::move(hint);
  return *this;
}

ErrorKind kind_of_errno(int error_number) noexcept {
  switch (error_number) {
  case ENOENT:
    return ErrorKind::not_found;
  case EEXIST:
    return ErrorKind::already_exists;
  case EACCES:
  case EPERM:
    return ErrorKind::permission_denied;
  case EBUSY:
    return ErrorKind::in_use;
  case EOPNOTSUPP:
  case ENOSYS:
    return ErrorKind::unsupported;
  case EINTR:
    return ErrorKind::interrupted;
  default:
    return ErrorKind::system;
  }
}

bool is_shortage(const Error& error) noexcept {
  switch (error.error_number()) {
  case EAGAIN:
  case EDQUOT:
  case EINTR:
  case EMFILE:
  case ENFILE:
  case ENOMEM:
  case ENOSPC:
    return true;
  default:
    return false;
  }
}

std::string errno_text(int error_number) {
  // strerrordesc_np is thread-safe and ignores the locale (glibc 2.32).
  const char* text = ::strerrordesc_np(error_number);
  return text != nullptr ? text : "error " + std::to_string(error_number);
}

void throw_errno(int error_number, std::string_view what) {
  throw Error(kind_of_errno(error_number), std::string(what) + ": " + errno_text(error_number),
              error_number);
}

} // namespace layerbox
