#include "layers/oci/unpacker.hpp"

#include <atomic>
#include <new>
#include <utility>

#include "base/confinement.hpp"
#include "base/error.hpp"
#include "base/message.hpp"
#include "layers/tar/block_pipe.hpp"

namespace layerbox {
namespace {

// What it says begins with one of these.
enum class Said : std::uint8_t { progress, result };

std::string message_of_layer(const UnpackedLayer& layer, std::uint64_t stored_bytes) {
  MessageWriter out;
  out.number(static_cast<std::uint64_t>(Said::result)).text(layer.diff_id.hex());
  out.number(layer.tar_bytes).number(layer.size_bytes).number(layer.entries);
  out.number(layer.end_marked ? 1 : 0).number(stored_bytes);
  const Unheld& unheld = layer.unheld;
  for (const std::uint64_t count : {unheld.devices, unheld.owners, unheld.xattrs, unheld.acls,
                                    unheld.overlay_xattrs, unheld.sockets})
    out.number(count);
  out.number(layer.implied.size());
  for (const RelPath& path : layer.implied)
    out.text(path.str());
  return out.take();
}

Digest read_diff_id(MessageReader& in) {
  const auto digest = Digest::from_hex(in.text());
  if (!digest) throw Error(ErrorKind::corrupt, "the unpacker says a digest that is none");
  return *digest;
}

ConfinedLayer read_layer(MessageReader& in) {
  ConfinedLayer result;
  UnpackedLayer& layer = result.layer;
  layer.diff_id = read_diff_id(in);
  layer.tar_bytes = in.number();
  layer.size_bytes = in.number();
  layer.entries = in.number();
  layer.end_marked = in.number() == 1;
  result.stored_bytes = in.number();
  Unheld& unheld = layer.unheld;
  for (std::uint64_t* count : {&unheld.devices, &unheld.owners, &unheld.xattrs, &unheld.acls,
                               &unheld.overlay_xattrs, &unheld.sockets})
    *count = in.number();
  for (std::uint64_t left = in.number(); left > 0; --left)
    layer.implied.push_back(RelPath::parse(in.text()));
  layer.warnings = warnings_of(unheld);
  return result;
}

void warn_once(std::string_view missing, Progress& progress) {
  static std::atomic<bool> warned = false;
  if (!missing.empty() && !warned.exchange(true))
    progress.warn("archives are unpacked by a process that is confined, but without " +
                  printable(missing));
}

void require_result(bool heard) {
  if (!heard) throw Error(ErrorKind::corrupt, "the unpacker ended without a result");
}

} // namespace

void in_unpacker(FdRef dir, std::vector<int> fds, Progress& progress,
                 const std::function<void(const Tell&)>& work, const Hear& hear,
                 const std::function<void()>& begun) {
  fds.push_back(dir.get());
  std::erase(fds, -1);
  WorkInProcess unpacker(
      [&](const Tell& tell) {
        tell(confine_to(dir)); // the first that is heard
        try {
          work(tell);
        } catch (const std::bad_alloc&) {
          throw Error(ErrorKind::limit_exceeded, "reading it takes more than " +
                                                     std::to_string(kConfinedMemoryBytes >> 20) +
                                                     " MiB of memory");
        }
      },
      fds, "the unpacker");
  if (begun) begun();
  bool confined = false;
  unpacker.finish([&](std::string_view said) {
    if (std::exchange(confined, true))
      hear(said);
    else
      warn_once(said, progress);
  });
}

ConfinedLayer unpack_confined(StoredLayer stored, FdRef layer, const ImportLimits& limits,
                              const Identity& who, Progress& progress, const HowFar& told) {
  const auto work = [&](const Tell& tell) {
    PlainStream plain = open_plain(std::move(stored.file.content), limits, stored.claim);
    const UnpackedLayer unpacked =
        unpack_layer(*plain.source, layer, limits, who, [&](std::uint64_t tar_bytes) {
          tell(MessageWriter()
                   .number(static_cast<std::uint64_t>(Said::progress))
                   .number(tar_bytes)
                   .number(*plain.stored_bytes)
                   .take());
        });
    tell(message_of_layer(unpacked, *plain.stored_bytes));
  };
  std::optional<ConfinedLayer> result;
  const auto hear = [&](std::string_view said) {
    MessageReader in(said);
    if (in.number() == static_cast<std::uint64_t>(Said::result)) {
      result = read_layer(in);
    } else {
      const std::uint64_t tar_bytes = in.number();
      told(tar_bytes, in.number());
    }
    in.end();
  };
  in_unpacker(layer, {stored.file.fd.get()}, progress, work, hear, stored.begun);
  require_result(result.has_value());
  return std::move(*result);
}

Digest diff_id_confined(SourceFile file, FdRef dir, const ImportLimits& limits,
                        Progress& progress) {
  const auto work = [&](const Tell& tell) {
    PlainStream plain = open_plain(std::move(file.content), limits);
    BlockPipe pipe(*plain.source);
    for (Block block = pipe.next(); block.size > 0; block = pipe.next()) {
      pipe.give_back(std::move(block));
      tell(MessageWriter()
               .number(static_cast<std::uint64_t>(Said::progress))
               .number(*plain.stored_bytes)
               .take());
    }
    tell(MessageWriter()
             .number(static_cast<std::uint64_t>(Said::result))
             .text(pipe.diff_id().hex())
             .take());
  };
  std::optional<Digest> result;
  const auto hear = [&](std::string_view said) {
    MessageReader in(said);
    if (in.number() == static_cast<std::uint64_t>(Said::result))
      result = read_diff_id(in);
    else
      progress.advance(in.number());
    in.end();
  };
  in_unpacker(dir, {file.fd.get()}, progress, work, hear);
  require_result(result.has_value());
  return *result;
}

} // namespace layerbox
