// notebook: where a program of the host that we start writes what it has to say: memory of a fixed
// size, so that it never waits for a reader and never fills anything.
//
//     const UniqueFd notebook = make_notebook("pasta");     // its standard error
//     … it ended …
//     throw Error(ErrorKind::unsupported, last_line(notebook, "syslog"));
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

// `name` is what /proc shows. Throws Error.
UniqueFd make_notebook(const char* name);
// Its last line without the word `not_about`; "" when there is none.
std::string last_line(FdRef notebook, std::string_view not_about);

} // namespace layerbox
