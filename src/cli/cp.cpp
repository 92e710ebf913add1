// cp: files into containers, out of them, and from one to another.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/rel_path.hpp"
#include "cli/container_files.hpp"
#include "cli/copy_operand.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/output_file.hpp"
#include "cli/verbs.hpp"
#include "layers/copy/unpack_copy.hpp"
#include "layers/tar/tar_writer.hpp"

namespace layerbox {
namespace {

constexpr const char* kStream = "the copied files";

// What the host's owners are called in the containers of an ordinary user.
void translate_to_inside(const IdMap& map, Metadata& metadata) {
  constexpr std::uint32_t kNobody = 65534;
  const auto inside = [](const std::vector<IdRange>& ranges, std::uint32_t id) {
    for (const IdRange& range : ranges)
      if (id >= range.outside && id - range.outside < range.count)
        return range.inside + (id - range.outside);
    return kNobody;
  };
  metadata.uid = inside(map.uids, metadata.uid);
  metadata.gid = inside(map.gids, metadata.gid);
}

class CpVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "One of SRC and DST, or both, is CONTAINER:PATH; the other one is a path here, or '-': a "
        "tar "
        "that is written to standard output, or read from standard input and put into DST, a "
        "directory. PATH begins at the container's '/'. A path here that has a ':' begins with "
        "'./' or '/'.\n\n"
        "A DST that is a directory gets SRC under its name; SRC/. stands for the content of SRC. A "
        "DST that is not there becomes what SRC is; the directory that it is in must be there, and "
        "with a '/' at its end it must be a directory. A file replaces a file, also a symlink or a "
        "fifo; a directory is copied into one that is there, which keeps its owner, mode and time; "
        "neither takes the place of the other. Below DST no symlink is followed.\n\n"
        "Modes, times, symlinks, hard links within the copy and attributes (user.*) are kept. "
        "Files "
        "belong to the container's root, or here to you, and lose setuid, setgid, capabilities and "
        "ACLs; --archive keeps all of these where you may give files to others. Device files and "
        "sockets are left out.\n\n"
        "Of a container that runs it is what it sees, volumes included. Of one that does not run, "
        "it is what it finds when it is started; what lies on a volume is refused then. Nothing of "
        "the container is run.");
    line.flag("-a,--archive", archive_, "keep the numbers of owners and groups");
    line.flag("-L,--follow-link", follow_, "copy what a symlink leads to that SRC itself is");
    line.operands("SRC|CONTAINER:PATH DST|CONTAINER:PATH", words_, Arity::any_number,
                  "where from, and where to");
    line.example("layerbox cp site/. web:/usr/share/nginx/html", "the content of a directory");
    line.example("layerbox cp web:/var/log .", "a directory of the container's, here");
    line.example("layerbox cp web:/etc - | tar -tv", "as a tar");
  }

  int run(Invocation& invocation) override {
    constexpr const char* kUsage = "usage: layerbox cp [-a] [-L] SRC DST";
    if (words_.size() != 2) throw UsageError("cp: it takes two names, from and to", kUsage);
    const CopyOperand from = parse_copy_operand(words_[0]);
    const CopyOperand to = parse_copy_operand(words_[1]);
    if (from.kind != CopyOperandKind::container && to.kind != CopyOperandKind::container)
      throw UsageError("cp: neither name is one of a container", "write CONTAINER:PATH");
    // Who reads a pipe says why he does not any more.
    (void)std::signal(SIGPIPE, SIG_IGN);
    with_context(
        [&] {
          return fmt::format("copying '{}' to '{}'", printable(words_[0]), printable(words_[1]));
        },
        [&] { copy(invocation, from, to); });
    return exit_code::kDone;
  }

 private:
  void copy(Invocation& invocation, const CopyOperand& from, const CopyOperand& to) {
    source_.name = parse_copy_name(from.path);
    source_.follows_link = follow_;
    destination_.name = parse_copy_name(to.path);
    destination_.base = source_.name.base;
    if (from.kind == CopyOperandKind::stream) destination_.tar = CopyTar::foreign;
    if (from.kind == CopyOperandKind::container && to.kind == CopyOperandKind::container)
      require_two_containers(invocation.store(), from.container, to.container);
    std::optional<ContainerFiles> giver, taker;
    if (from.kind == CopyOperandKind::container)
      giver = open_files(invocation, from.container, MountAccess::read_only);
    if (to.kind == CopyOperandKind::container)
      taker = open_files(invocation, to.container, MountAccess::writable);
    (void)invocation.progress(); // before there is a second process that may warn

    Pipe pipe = make_pipe();
    std::unique_ptr<WorkInProcess> giving, taking;
    if (giver) giving = giver->start(pipe.write, [&](const SeenFiles& seen) { give(pipe, seen); });
    if (taker)
      taking =
          taker->start(pipe.read, [&](const SeenFiles& seen) { take(invocation, pipe, seen); });
    if (giver) pipe.write.reset();
    if (taker) pipe.read.reset();
    work_on_both_ends([&] { giving ? giving->finish() : give_from_here(invocation, from, pipe); },
                      [&] { taking ? taking->finish() : take_here(invocation, to, pipe); },
                      taking != nullptr);
  }

  static void require_two_containers(const Store& store, const std::string& one,
                                     const std::string& other) {
    const std::vector<ContainerInfo> all = list_containers(store);
    if (find_container(all, one).state.id != find_container(all, other).state.id) return;
    throw UsageError("both are in the same container",
                     fmt::format("when it runs: layerbox exec {} cp -a FROM TO", one));
  }

  // Both come to their ends. One that gives to nobody gets EPIPE, one that takes from nobody a tar
  // that ends early: so the giver's own failure is the reason, if there is one.
  template <typename Give, typename Take>
  static void work_on_both_ends(Give&& give, Take&& take, bool takes_elsewhere) {
    std::optional<Error> given, taken;
    const auto try_work = [](const auto& work, std::optional<Error>& failure) {
      try {
        work();
      } catch (const Error& error) {
        failure = error;
      }
    };
    if (takes_elsewhere) try_work(give, given);
    try_work(take, taken);
    if (!takes_elsewhere) try_work(give, given);
    if (given && (given->error_number() != EPIPE || !taken)) throw *given;
    if (taken) throw *taken;
  }

  ContainerFiles open_files(Invocation& invocation, const std::string& container,
                            MountAccess access) const {
    return with_context([&] { return fmt::format("container '{}'", printable(container)); },
                        [&] { return ContainerFiles::open(invocation, container, access); });
  }

  // In the process that has entered the container.
  void give(const Pipe& pipe, const SeenFiles& seen) const {
    FdSink sink(pipe.write, kStream);
    TarWriter tar(sink, TarKind::rootfs);
    tell_copy(open_in_container(seen.root), source_, seen.covered, tar);
  }
  void take(Invocation& invocation, const Pipe& pipe, const SeenFiles& seen) {
    if (!archive_) destination_.owner = CopyOwner{::geteuid(), ::getegid()};
    unpack(invocation, pipe.read, open_in_container(seen.root), seen.covered);
  }

  // Here, with the rights of who calls.
  void give_from_here(Invocation& invocation, const CopyOperand& from, Pipe& pipe) {
    const UniqueFd output = std::move(pipe.write); // closed also when this fails
    FdSink sink(output, kStream);
    if (from.kind == CopyOperandKind::stream) {
      FdSource input(FdRef(STDIN_FILENO), "standard input");
      copy_all(input, sink);
    } else {
      const Identity& identity = invocation.identity();
      if (::geteuid() != 0)
        source_.translate_owner = [&](Metadata& m) { translate_to_inside(identity.store_map, m); };
      TarWriter tar(sink, TarKind::rootfs);
      tell_copy(open_on_host(), source_, CoveredPlaces(), tar);
    }
  }
  void take_here(Invocation& invocation, const CopyOperand& to, Pipe& pipe) {
    const UniqueFd input = std::move(pipe.read); // closed also when this fails
    if (to.kind == CopyOperandKind::stream) {
      OutputFile out(std::nullopt, "copying", invocation.progress());
      FdSource source(input, kStream);
      copy_all(source, out);
      out.commit();
      return;
    }
    if (!archive_) destination_.owner = kWhoWrites;
    unpack(invocation, input, open_on_host(), CoveredPlaces());
  }

  void unpack(Invocation& invocation, FdRef input, const OpenName& open,
              const CoveredPlaces& covered) const {
    FdSource source(input, kStream);
    const Unheld unheld = unpack_copy(source, open, destination_, covered);
    const auto tell = [&](std::uint64_t count, const char* what) {
      if (count > 0) invocation.progress().warn(fmt::format("{} {}", count, what));
    };
    tell(unheld.devices, "device files were left out");
    tell(unheld.owners, "files could not be given to their owners");
    tell(unheld.xattrs, "extended attributes could not be kept");
  }

  std::vector<std::string> words_;
  bool archive_ = false;
  bool follow_ = false;
  CopySource source_;
  CopyDestination destination_;
};

} // namespace

std::unique_ptr<Verb> make_cp_verb() {
  return std::make_unique<CpVerb>();
}

} // namespace layerbox
