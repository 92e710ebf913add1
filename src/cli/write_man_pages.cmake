# Writes layerbox(1) and a page for each command into DIRECTORY, as PROGRAM prints them.
function(write_page name)
  execute_process(COMMAND ${PROGRAM} __man ${ARGN} OUTPUT_VARIABLE page COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE ${DIRECTORY}/${name}.1 "${page}")
endfunction()

write_page(layerbox)
execute_process(COMMAND ${PROGRAM} __man --list OUTPUT_VARIABLE verbs COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${verbs}" verbs)
string(REPLACE "\n" ";" verbs "${verbs}")
foreach(verb IN LISTS verbs)
  string(REPLACE " " "-" page "${verb}")
  write_page(layerbox-${page} ${verb})
endforeach()
