<?php
header('Content-Type: text/plain; charset=utf-8');
echo 'PHP answers ', $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['REQUEST_URI'], ' in ', getenv('APP_ENV') ?: $_SERVER['APP_ENV'], "\n";
