// attach_server: who shows a detached container in his terminal is told what the command writes,
// and may write to it. It waits for nobody: a client that does not read is let go of, and a command
// that does not read keeps the clients' input, not the log.
//
// It is driven by the watcher's loop: poll what want() adds, then serve().
#pragma once

#include <poll.h>

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "cli/attach_frames.hpp"

namespace layerbox {

class AttachServer {
 public:
  // Listens in `dir`, the container's directory, which must outlive it. `input` is where clients'
  // input goes, or -1; `terminal` is the terminal whose size they set, or -1. Both are
  // non-blocking. Throws Error.
  AttachServer(FdRef dir, UniqueFd input, FdRef terminal);
  AttachServer(const AttachServer&) = delete;
  AttachServer& operator=(const AttachServer&) = delete;
  ~AttachServer();

  void want(std::vector<struct pollfd>& waited) const;
  // `ready` is what want() has added, after the poll.
  void serve(const struct pollfd* ready);
  void tell(FrameKind kind, std::string_view bytes);
  // What clients have not read yet goes to those who read it within a moment.
  void finish();

 private:
  struct Client {
    UniqueFd socket;
    FrameReader reader;
    std::string unsent;
    bool gone = false;
  };
  void accept_one();
  void read_from(Client& client);
  static void send_to(Client& client);
  void take(FrameKind kind, std::string_view bytes);
  void put_input();

  FdRef dir_;
  UniqueFd listener_;
  UniqueFd input_;
  FdRef terminal_;
  std::string unput_; // input that the command has not taken yet
  bool input_ends_ = false;
  std::list<Client> clients_;
};

// Connects to the container whose directory is `dir`. Throws Error(not_found) when nobody watches
// it.
UniqueFd connect_to_watcher(FdRef dir);

} // namespace layerbox
