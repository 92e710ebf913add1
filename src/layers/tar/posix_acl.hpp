// posix_acl: access control lists as tars write them (text) and as the kernel takes them (the value
// of the attributes system.posix_acl_access and system.posix_acl_default).
//
//     "user::rwx,user:joe:r--:1001,group::r-x,mask::r-x,other::---"
//
// Ids are taken from the fourth field, as star and libarchive write it, or from a name that is a
// number. Other names are nobody's business here: /etc/passwd of the image may not even be there.
// Source: acl(5), "ACL TEXT FORMS"; Linux include/uapi/linux/posix_acl_xattr.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layerbox {

// The value of the attribute; nothing when the text names somebody without a number. Throws
// Error(corrupt) when the text is no ACL.
std::optional<std::string> posix_acl_xattr(std::string_view text);

} // namespace layerbox
