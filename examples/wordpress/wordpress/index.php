<?php
// Stands in for WordPress until its files are here.
echo 'The files of WordPress belong here: ', $_SERVER['REQUEST_URI'], "\n";
