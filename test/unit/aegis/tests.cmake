file(GLOB aegis_areas CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*/tests.cmake)
foreach(aegis_area ${aegis_areas})
    include(${aegis_area})
endforeach()
