#include "runner/child_program.hpp"

#include <algorithm>

namespace layerbox {

ChildProgram::ChildProgram(const Plan& plan, const std::vector<UniqueFd>& clones,
                           const std::vector<UniqueFd>& entrances, ProgramMemory& memory,
                           std::size_t first)
    : memory_(memory), context_(memory.array<ChildContext>(1).front()) {
  const std::span<ChildOp> ops = memory.array<ChildOp>(plan.steps.size() - first);
  for (std::size_t i = 0; i < ops.size(); ++i)
    write_op(ops[i], plan.steps[first + i], clones, entrances);
  const std::span<const ChildIdRange> uids = keep_ranges(plan.id_map.uids);
  const std::span<const ChildIdRange> gids = keep_ranges(plan.id_map.gids);

  context_.ops = ops.data();
  context_.op_count = ops.size();
  context_.first_step = static_cast<std::uint32_t>(first);
  context_.terminal = plan.terminal;
  context_.interactive = plan.interactive;
  context_.may_setgroups = plan.may_setgroups;
  if (!plan.id_map.maps_uid(0) && !uids.empty()) context_.setup_uid = uids.front().inside;
  if (!plan.id_map.maps_gid(0) && !gids.empty()) context_.setup_gid = gids.front().inside;
  context_.args = keep_list(plan.args, 0);
  context_.env = keep_list(plan.env, 2);
  context_.env_count = plan.env.size();
  context_.path = memory.text(plan.path);
  context_.user = memory.text(plan.user);
  context_.needs_home = plan.needs_home;
  context_.uids = uids.data();
  context_.uid_count = uids.size();
  context_.gids = gids.data();
  context_.gid_count = gids.size();
  context_.capabilities = plan.capabilities;
}

void ChildProgram::name_fd(int& place, FdRef fd) {
  place = fd.get();
  if (place >= 0) fd_names_.push_back({&place, place});
}

void ChildProgram::write_op(ChildOp& op, const Step& step, const std::vector<UniqueFd>& clones,
                            const std::vector<UniqueFd>& entrances) {
  op.act = step.act;
  op.flags = step.flags;
  if (step.fd >= 0) name_fd(op.fd, FdRef(step.fd));
  if (step.clone != kNoClone) name_fd(op.fd, clones[static_cast<std::size_t>(step.clone)]);
  if (step.other_clone != kNoClone)
    name_fd(op.other_fd, clones[static_cast<std::size_t>(step.other_clone)]);
  if (step.cgroup != kNoCgroup) name_fd(op.fd, entrances[static_cast<std::size_t>(step.cgroup)]);
  op.mount_flags = step.mount_flags;
  op.target = memory_.text(step.target);
  op.source = memory_.text(step.source);
  op.data = memory_.text(step.data);
  op.data_bytes = step.data.size();
  if (!step.list.empty()) op.list = keep_list(step.list, 0);
  op.count = step.count;
}

// With a null pointer behind them, and `spare` more.
char** ChildProgram::keep_list(const std::vector<std::string>& words, std::size_t spare) {
  const std::span<char*> list = memory_.array<char*>(words.size() + 1 + spare);
  std::transform(words.begin(), words.end(), list.begin(),
                 [&](const std::string& word) { return memory_.text(word); });
  return list.data();
}

std::span<const ChildIdRange> ChildProgram::keep_ranges(const std::vector<IdRange>& map) {
  const std::span<ChildIdRange> ranges = memory_.array<ChildIdRange>(map.size());
  std::transform(map.begin(), map.end(), ranges.begin(), [](const IdRange& range) {
    return ChildIdRange{range.inside, range.count};
  });
  return ranges;
}

} // namespace layerbox
